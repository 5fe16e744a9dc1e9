import { Converter } from 'typedoc';

/** A plugin of TypeDoc: calls the modules by the names by which they are imported, instead of by their folders. */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) {
      const [folder, ...subpath] = module.name.split('/').filter((part) => part !== 'src');
      const name = folder === 'zookeeper-ts-client' ? folder : `@zk-recipes/${folder}`;
      module.name = [name, ...subpath].join('/');
    }
  });
}
