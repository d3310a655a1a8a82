// STAND-IN. The stores that hold what the page knows, and the state of its connection.
'use strict';

(() => {
  const { BaseCollection, BaseModel, Emitter, nameOf, randomHex, widOf } = standin;

  class Msg extends BaseModel {
    // An acknowledgement never goes back.
    updateAck(ack) {
      if ((this.ack ?? 0) < ack) this.ack = ack;
    }

    // What a message that quotes this one carries.
    msgContextInfo() {
      return { quotedStanzaID: this.id.id, quotedParticipant: this.from, quotedMsg: this.toJSON() };
    }

    async downloadMedia() {
      await standin.download(this);
    }
  }
  Msg.prototype.proxyName = 'msg';

  class Presence extends BaseModel {
    constructor(id) {
      super({ id, hasData: false, isOnline: false, isGroup: id.isGroup(), isUser: id.isUser() });
      this.chatstate = new BaseModel({ type: 'available', deny: false });
      this.chatstates = new BaseCollection();
      this.chatstate.on('change:type', () => presences.trigger('change:chatstate.type', this.chatstate));
    }

    async subscribe() {
      this.hasData = true;
    }
  }

  class Chat extends BaseModel {
    constructor(id, name) {
      super({ id, name, unreadCount: 0, t: 0 });
      this.msgs = new BaseCollection();
      this.presence = new Presence(id);
      presences.add(this.presence);
    }

    get lastReceivedKey() {
      return this.msgs._models.at(-1)?.id;
    }

    get hasUnread() {
      return this.unreadCount !== 0;
    }

    get isGroup() {
      return this.id.isGroup();
    }

    get isUser() {
      return this.id.isUser();
    }
  }
  Chat.prototype.proxyName = 'chat';

  class Contact extends BaseModel {}
  Contact.prototype.proxyName = 'contact';

  class MsgCollectionImpl extends BaseCollection {
    async processMultipleMessages(_chat, messages) {
      return messages.map((message) =>
        message.type === 'protocol' ? standin.applyProtocol(message) : standin.ingest(message),
      );
    }
  }
  class ChatCollectionImpl extends BaseCollection {}
  class ContactCollectionImpl extends BaseCollection {}
  class PresenceCollectionImpl extends BaseCollection {}
  class GroupMetadataCollection extends BaseCollection {
    _handleParentGroupChange() {}

    async find(id) {
      return this.get(id) ?? { id, participants: new BaseCollection() };
    }
  }

  const messages = new MsgCollectionImpl();
  const chats = new ChatCollectionImpl();
  const contacts = new ContactCollectionImpl();
  const groups = new GroupMetadataCollection();
  const presences = new PresenceCollectionImpl();

  function chatOf(id, name) {
    const wid = widOf(id);
    if (!chats.get(wid)) chats.add(new Chat(wid, name ?? wid.user));
    return chats.get(wid);
  }

  // --- the connection ----------------------------------------------------------------------

  const connection = new (class Conn extends BaseModel {})({
    ref: undefined,
    connected: false,
    wid: undefined,
    pushname: 'Stand-in',
    platform: 'android',
  });

  class StreamModel extends BaseModel {
    markAvailable() {}
    markUnavailable() {}
  }
  const stream = new StreamModel({ mode: undefined, info: 'OPENING', needsUpdate: false, available: true });

  class SocketModel extends BaseModel {
    logout() {
      standin.wire.tell('logout');
    }

    takeover() {
      standin.wire.tell('takeover');
    }

    poke() {}
  }
  const socket = new SocketModel({ state: 'OPENING', stream: 'DISCONNECTED', hasSynced: false });

  class NetworkStatus extends BaseModel {
    checkOnline() {}
  }
  const network = new NetworkStatus({ online: true });

  class CmdImpl extends Emitter {
    isMainLoaded = false;

    refreshQR() {
      standin.linking.offer();
    }
  }
  const commands = new CmdImpl();

  // What a phone would scan; worth nothing, and changed as the real one is.
  function newReference() {
    connection.ref = `2@standin${randomHex(24)}`;
  }

  // --- who is who --------------------------------------------------------------------------

  const lidByPhone = new Map();
  const phoneByLid = new Map();

  function pair(phone, lid) {
    lidByPhone.set(nameOf(phone), widOf(lid));
    phoneByLid.set(nameOf(lid), widOf(phone));
  }

  const me = { phone: undefined, lid: undefined, linked: false };

  Object.assign(standin, {
    classes: { Msg, Chat, Contact, MsgCollectionImpl, ChatCollectionImpl, ContactCollectionImpl },
    PresenceCollectionImpl,
    CmdImpl,
    messages,
    chats,
    contacts,
    groups,
    presences,
    chatOf,
    connection,
    stream,
    socket,
    network,
    commands,
    newReference,
    lidByPhone,
    phoneByLid,
    pair,
    me,
  });
})();
