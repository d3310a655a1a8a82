// STAND-IN. Addresses of people and groups (Wid), and the key of a message (MsgKey).
'use strict';

(() => {
  const { nameOf } = standin;

  class Wid {
    constructor(text) {
      const [user, server] = text.split('@');
      this.user = user.split(':')[0];
      this.server = server;
      this._serialized = `${this.user}@${server}`;
    }

    toString() {
      return this._serialized;
    }

    toJid() {
      return this._serialized;
    }

    toJSON() {
      return this._serialized;
    }

    equals(other) {
      return other instanceof Wid && other._serialized === this._serialized;
    }

    isGroup() {
      return this.server === 'g.us';
    }

    isLid() {
      return this.server === 'lid';
    }

    isUser() {
      return this.server === 'c.us' || this.server === 'lid';
    }

    isBot() {
      return false;
    }

    isCompanion() {
      return false;
    }

    isPSA() {
      return false;
    }

    isNewsletter() {
      return this.server === 'newsletter';
    }

    isBroadcast() {
      return this.server === 'broadcast';
    }

    isStatus() {
      return this._serialized === 'status@broadcast';
    }

    isStatusV3() {
      return this.isStatus();
    }

    static isXWid(server, wid) {
      return nameOf(wid).endsWith(`@${server}`);
    }

    static isWid(value) {
      return value instanceof Wid;
    }

    static isGroup(wid) {
      return Wid.isXWid('g.us', wid);
    }

    static isUser(wid) {
      return Wid.isXWid('c.us', wid) || Wid.isXWid('lid', wid);
    }
  }

  const known = new Map();

  // One object per address, so that equal addresses are also identical.
  function widOf(text) {
    const name = nameOf(text);
    if (!name.includes('@')) throw new Error(`wid error: ${name}`);
    if (!known.has(name)) known.set(name, new Wid(name));
    return known.get(name);
  }

  function userWid(user, server = 'c.us') {
    return widOf(nameOf(user).includes('@') ? user : `${user}@${server}`);
  }

  function randomHex(bytes) {
    const values = crypto.getRandomValues(new Uint8Array(bytes));
    return Array.from(values, (b) => b.toString(16).padStart(2, '0')).join('').toUpperCase();
  }

  class MsgKey {
    constructor(parts) {
      // wa-js knows the class by this text.
      if (!parts) throw new Error('MsgKey error: obj is null/undefined');
      this.fromMe = parts.fromMe ?? parts.selfDir === 'out';
      this.remote = parts.remote ?? (this.fromMe ? parts.to : parts.from);
      this.id = parts.id;
      this.participant = parts.participant ?? undefined;
      const names = [this.fromMe, this.remote, this.id];
      if (this.participant) names.push(this.participant);
      this._serialized = names.join('_');
    }

    toString() {
      return this._serialized;
    }

    equals(other) {
      return nameOf(other) === this._serialized;
    }

    clone() {
      return new MsgKey(this);
    }

    static from(value) {
      return value instanceof MsgKey ? value : new MsgKey(value);
    }

    static fromString(text) {
      const [fromMe, remote, id, participant] = text.split('_');
      return new MsgKey({
        fromMe: fromMe === 'true',
        remote: widOf(remote),
        id,
        participant: participant && widOf(participant),
      });
    }

    static async newId() {
      return `3EB0${randomHex(9)}`;
    }
  }

  Object.assign(standin, { Wid, MsgKey, widOf, userWid, randomHex });
})();
