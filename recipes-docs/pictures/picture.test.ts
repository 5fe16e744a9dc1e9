import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { renderDemo } from './demo.js';
import { figure, pictureLanguages, pictureWidths, type Render } from './picture.js';
import { widthOf, wrap } from './svg.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = readdirSync(join(root, 'recipes-docs')).filter((name) => name.endsWith('.md'));

/** Every picture of every page: page, language and text. */
const pictures = pages.flatMap((page) => {
  const text = readFileSync(join(root, 'recipes-docs', page), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, language]) => pictureLanguages.has(language as string))
    .map(([, language, source]) => [page, language as string, source as string] as const);
});

const render = (language: string): Render => pictureLanguages.get(language) as Render;

/** The texts of a picture, in the order in which they are drawn. */
function textsIn(picture: string): string[] {
  return [...picture.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text as string);
}

/** Attribute of the picture itself. */
function sizeOf(picture: string, attribute: 'width' | 'height'): number {
  return Number(new RegExp(` ${attribute}="(\\d+)"`).exec(picture)?.[1]);
}

describe('the pictures of the pages', () => {
  it.each(['mutex.md', 'queue.md', 'two-phase-commit.md', 'holds.md'])('%s has a picture', (page) => {
    expect(pictures.map(([name]) => name)).toContain(page);
  });

  it.each(pictures)(
    '%s: the %s is readable, as wide as its column at most, and all of its text lies inside',
    (_, language, source) => {
      for (const width of Object.values(pictureWidths)) {
        const picture = render(language)(source, width);
        expect(sizeOf(picture, 'width')).toBeLessThanOrEqual(width);
        for (const [, font, x, y, anchor, text] of picture.matchAll(
          /<text class="(mono|sans)[^"]*" x="([-\d.]+)" y="([-\d.]+)" text-anchor="(\w+)">([^<]*)</g,
        )) {
          const size = widthOf((text as string).replaceAll(/&\w+;/g, '&'), font as 'mono' | 'sans');
          const left = Number(x) - (anchor === 'middle' ? size / 2 : anchor === 'end' ? size : 0);
          expect(left, text).toBeGreaterThanOrEqual(-1);
          expect(left + size, text).toBeLessThanOrEqual(width + 1);
          expect(Number(y), text).toBeLessThanOrEqual(sizeOf(picture, 'height'));
        }
      }
    },
  );
});

describe('a tree', () => {
  const source =
    '/locks/a  container\n  _c_1-lock-0000000007  ephemeral sequential: billing-1 holds the lock\n  notes  nothing of a kind\n';

  it('has a line for each znode, its kind and note beside it', () => {
    expect(textsIn(render('tree')(source, 680))).toEqual([
      '/locks/a',
      'container',
      '_c_1-lock-0000000007',
      'ephemeral sequential: billing-1 holds the lock',
      'notes',
      'nothing of a kind',
    ]);
  });

  it('draws ephemeral znodes round and containers hollow', () => {
    const picture = render('tree')(source, 680);
    expect(picture.match(/<circle class="marker ephemeral"/g)).toHaveLength(1);
    expect(picture.match(/<rect class="marker container"/g)).toHaveLength(1);
    expect(picture.match(/<rect class="marker persistent"/g)).toHaveLength(1);
  });

  it('has notes below the names on a narrow screen', () => {
    expect(sizeOf(render('tree')(source, 340), 'height')).toBeGreaterThan(
      sizeOf(render('tree')(source, 680), 'height'),
    );
  });

  it('refuses a znode without a parent', () => {
    expect(() => render('tree')('/a\n    /b\n', 680)).toThrow('tree, line 2: expected an indentation of two spaces');
  });
});

describe('a sequence', () => {
  it('draws a lost message as a line that ends in a cross', () => {
    const picture = (arrow: string) => render('sequence')(`a | b\na ${arrow} b: hello\n`, 680);
    expect(picture('-x').match(/class="stroke danger"/g)).toHaveLength(3);
    expect(picture('-x')).not.toContain('arrow-head');
    expect(picture('->')).toContain('arrow-head');
    expect(picture('..>')).toContain('dashed');
  });

  it('names a participant that there is not, and a line that says nothing', () => {
    expect(() => render('sequence')('a | b\na -> c: hello\n', 680)).toThrow(
      "line 2: expected one of the participants a, b, received 'a -> c: hello'",
    );
    expect(() => render('sequence')('a | b\n\na b\n', 680)).toThrow('line 3');
    expect(() => render('sequence')('a\n', 680)).toThrow('two participants');
  });
});

describe('states', () => {
  it('draw each state once, and each transition with its text', () => {
    const picture = render('states')('[a]\n[b] [c]\na -> b: one\nb -> a: two\nc -> a: three\n', 680);
    expect(textsIn(picture).sort()).toEqual(['a', 'b', 'c', 'one', 'three', 'two']);
    expect(picture.match(/arrow-head/g)).toHaveLength(3);
  });

  it('name a state that there is not', () => {
    expect(() => render('states')('[a]\na -> b: one\n', 680)).toThrow(
      "line 2: expected one of the states a, received 'a -> b: one'",
    );
  });
});

describe('a time line', () => {
  it('draws a moment as a point and a span as a bar', () => {
    const picture = render('timeline')('unit T, the timeout: 0 1\nclient 0.5: sends\nhold 0.5-0.9: is valid\n', 680);
    expect(picture.match(/<circle/g)).toHaveLength(1);
    expect(picture.match(/<rect class="bar"/g)).toHaveLength(1);
  });

  it('marks one unit as the letter of a quantity, or as a number', () => {
    expect(textsIn(render('timeline')('unit T, the timeout: 0 0.5 1\na 0: b\n', 680))).toEqual(
      expect.arrayContaining(['0', '0.5 T', 'T']),
    );
    expect(textsIn(render('timeline')('unit s: 0 1\na 0: b\n', 680))).toEqual(expect.arrayContaining(['0', '1 s']));
  });

  it('refuses a time that is no number', () => {
    expect(() => render('timeline')('unit T: 0 1\nclient soon: sends\n', 680)).toThrow('timeline, line 2');
  });
});

describe('the picture of the demo', () => {
  const output = readFileSync(join(root, 'README.md'), 'utf8');

  it('has a bar for each time that a service led, by the output in the README', () => {
    const tokens = textsIn(renderDemo(output, 680)).filter((text) => text.startsWith('token '));
    const told = [...output.matchAll(/● leads, (?:fencing )?(token \d+)/g)].map(([, token]) => token);
    expect(told.length).toBeGreaterThan(2);
    expect(tokens.sort()).toEqual(told.sort());
    expect(renderDemo(output, 680).match(/<rect class="bar"/g)).toHaveLength(told.length);
  });

  it('says what was done to the services', () => {
    const text = textsIn(renderDemo(output, 680)).join(' ');
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGSTOP', 'SIGCONT']) expect(text).toContain(signal);
    expect(text).toContain('refused by the server');
  });
});

describe('text', () => {
  it('is broken between words, and inside a word that is wider than a line', () => {
    expect(wrap('one two', 1_000, 'sans')).toEqual(['one two']);
    expect(wrap('one two', 40, 'sans')).toEqual(['one', 'two']);
    for (const part of wrap('/a/very/long/path', 50, 'mono')) expect(widthOf(part, 'mono')).toBeLessThanOrEqual(50);
  });

  it('cannot leave its element', () => {
    expect(figure(render('tree'), '/<script>"&  a <b>\n')).not.toMatch(/<script>|<b>/);
  });
});
