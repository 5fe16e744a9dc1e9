/**
 * What is wrong with the layout of the page that is open, one text for each fault. It runs inside of the page, so it uses nothing
 * from outside of itself.
 *
 * @returns {string[]}
 */
export function measure() {
  const faults = [];
  const isVisible = (element) => element.getClientRects().length > 0;
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll('body *')].filter(
      (element) => element.getBoundingClientRect().right > root.clientWidth + 1,
    );
    const names = wide
      .slice(0, 3)
      .map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''}`);
    faults.push(`the page is ${root.scrollWidth} px wide, because of ${names.join(', ')}`);
  }

  for (const element of document.querySelectorAll('.vp-doc :is(pre, pre code, table, .picture)')) {
    // On a telephone a table of many columns is moved sideways inside of its own box.
    if (element.tagName === 'TABLE' && root.clientWidth < 600 && getComputedStyle(element).overflowX === 'auto')
      continue;
    if (!isVisible(element) || element.scrollWidth <= element.clientWidth + 1 || element.clientWidth === 0) continue;
    const start = element.textContent.trim().slice(0, 40);
    faults.push(`${element.tagName.toLowerCase()} is ${element.scrollWidth} px in ${element.clientWidth} px: ${start}`);
  }

  for (const picture of document.querySelectorAll('.picture svg')) {
    if (!isVisible(picture)) continue;
    const { width, height } = picture.viewBox.baseVal;
    const texts = [...picture.querySelectorAll('text')].map((element) => ({
      text: element.textContent,
      box: element.getBBox(),
    }));
    for (const [index, { text, box }] of texts.entries()) {
      if (box.x < -1 || box.y < -6 || box.x + box.width > width + 1 || box.y + box.height > height + 4) {
        faults.push(`text leaves its picture: ${text}`);
      }
      for (const other of texts.slice(index + 1)) {
        const across = Math.min(box.x + box.width, other.box.x + other.box.width) - Math.max(box.x, other.box.x);
        const down = Math.min(box.y + box.height, other.box.y + other.box.height) - Math.max(box.y, other.box.y);
        if (across > 2 && down > 4) faults.push(`texts lie on each other: ${text} / ${other.text}`);
      }
    }
  }
  return faults;
}
