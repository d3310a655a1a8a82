// STAND-IN, not WhatsApp. A module registry of the shape that wa-js expects to find in the page.
//
// The scripts of this folder share one object, `standin`. wa-js looks modules up by what they
// export, so a module here is a small function that returns the exports; ids only have to start
// with "WA". Nothing in this folder comes from WhatsApp: the names are those that wa-js searches.
'use strict';

const standin = {};

(() => {
  const registry = Object.create(null);

  function declare(id, _dependencies, factory) {
    registry[id] = { factory, exports: undefined, loaded: false };
  }

  function load(id) {
    if (id === '__debug') return { modulesMap: registry };
    const module = registry[id];
    if (!module) throw new Error(`Requiring unknown module "${id}"`);
    if (!module.loaded) {
      module.loaded = true;
      module.exports = module.factory();
    }
    return module.exports;
  }

  standin.declare = declare;
  standin.load = load;
  // Declare many modules at once: {id: () => exports}.
  standin.declareAll = (factories) => {
    for (const [id, factory] of Object.entries(factories)) declare(id, [], factory);
  };
})();
