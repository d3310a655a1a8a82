// STAND-IN. Observable models and collections: the little that wa-js calls on them.
'use strict';

(() => {
  class Emitter {
    #listeners = new Map();

    on(names, callback, context) {
      for (const name of String(names).split(/\s+/)) {
        const known = this.#listeners.get(name) ?? [];
        this.#listeners.set(name, [...known, { callback, context }]);
      }
      return this;
    }

    once(name, callback, context) {
      const wrapped = (...values) => {
        this.off(name, wrapped);
        callback.apply(context, values);
      };
      return this.on(name, wrapped, context);
    }

    off(name, callback) {
      const known = this.#listeners.get(name) ?? [];
      this.#listeners.set(name, callback ? known.filter((l) => l.callback !== callback) : []);
      return this;
    }

    trigger(name, ...values) {
      for (const { callback, context } of this.#listeners.get(name) ?? []) {
        callback.apply(context, values);
      }
      return this;
    }
  }

  // A model tells itself and its collection about each changed attribute.
  class BaseModel extends Emitter {
    constructor(attributes = {}) {
      super();
      Object.defineProperty(this, 'attributes', { value: {} });
      Object.defineProperty(this, 'collection', { value: undefined, writable: true });
      for (const [name, value] of Object.entries(attributes)) this.#declare(name, value);
    }

    #declare(name, value) {
      this.attributes[name] = value;
      if (Object.hasOwn(this, name)) return;
      Object.defineProperty(this, name, {
        configurable: true,
        enumerable: true,
        get: () => this.attributes[name],
        set: (changed) => this.set(name, changed),
      });
    }

    set(name, value) {
      if (typeof name === 'object') {
        for (const [each, content] of Object.entries(name)) this.set(each, content);
        return this;
      }
      const before = this.attributes[name];
      this.#declare(name, value);
      if (before !== value) {
        this.trigger(`change:${name}`, this, value, before);
        this.collection?.trigger(`change:${name}`, this, value, before);
      }
      return this;
    }

    get(name) {
      return this[name];
    }

    toJSON() {
      return { ...this.attributes };
    }

    serialize() {
      return this.toJSON();
    }
  }

  const nameOf = (id) => (id === undefined || id === null ? '' : id.toString());

  class BaseCollection extends Emitter {
    _models = [];
    #byId = new Map();

    add(added) {
      for (const model of [].concat(added)) {
        const id = nameOf(model.id);
        if (this.#byId.has(id)) continue;
        this.#byId.set(id, model);
        this._models.push(model);
        // A message stands in two collections; its changes are told by the first.
        model.collection ??= this;
        this.trigger('add', model, this);
      }
      return added;
    }

    get(idOrModel) {
      const isModel = idOrModel instanceof BaseModel;
      return this.#byId.get(nameOf(isModel ? idOrModel.id : idOrModel));
    }

    async find(id) {
      return this.get(id);
    }

    remove(idOrModel) {
      const model = this.get(idOrModel);
      if (!model) return;
      this.#byId.delete(nameOf(model.id));
      this._models = this._models.filter((each) => each !== model);
      this.trigger('remove', model, this);
    }

    getModelsArray() {
      return this._models;
    }

    get length() {
      return this._models.length;
    }

    map(callback) {
      return this._models.map(callback);
    }

    filter(callback) {
      return this._models.filter(callback);
    }

    forEach(callback) {
      this._models.forEach(callback);
    }

    findFirst(callback) {
      return this._models.find(callback);
    }
  }

  Object.assign(standin, { Emitter, BaseModel, BaseCollection, nameOf });
})();
