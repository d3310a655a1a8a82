// STAND-IN. What the page does with messages: take them in, send them, know what became of them.
'use strict';

(() => {
  const { MsgKey, chatOf, chats, messages, me, nameOf, vault, widOf } = standin;
  const { Msg } = standin.classes;
  const ACK = { PENDING: 0, SERVER: 1, DELIVERED: 2, READ: 3 };
  const ACK_OF_STATE = { sent: ACK.SERVER, delivered: ACK.DELIVERED, read: ACK.READ };

  // The same key twice is the same message, as in the real client.
  standin.ingest = (raw) => {
    const known = messages.get(raw.id);
    if (known) return known;
    const message = raw instanceof Msg ? raw : new Msg(raw);
    const chat = chatOf(message.id.remote);
    messages.add(message);
    chat.msgs.add(message);
    chat.t = Math.max(chat.t, message.t);
    if (message.isNewMsg && !message.id.fromMe) chat.unreadCount += 1;
    standin.view.draw();
    return message;
  };

  // Text, a file with the text as its caption, or another kind.
  function contentOf(told) {
    const { text, media } = told;
    const other = standin.contentOfKind(told);
    if (other) return other;
    if (!media) return { type: 'chat', body: text };
    const { sha256: hash, mime, size, name, seconds } = media;
    const kind = seconds ? 'ptt' : standin.fileKind(mime);
    return { ...standin.describeFile({ kind, mime, size, name, seconds, hash }), caption: text || undefined };
  }

  // A message as the network tells it, in the attributes that wa-js knows.
  function attributesOf(told, isNew) {
    const fromMe = told.author === 'shop' || told.author === 'owner';
    const customer = standin.customers.get(told.author);
    const remote = widOf(told.chat);
    const writer = fromMe ? me.lid : widOf(customer.chat);
    const participant = remote.isGroup() ? writer : undefined;
    return {
      id: new MsgKey({ fromMe, remote, id: told.key, participant }),
      from: fromMe ? me.lid : remote,
      to: fromMe ? remote : me.lid,
      author: participant,
      notifyName: fromMe ? undefined : customer.name,
      ...contentOf(told),
      ...standin.editOf(told),
      t: Math.floor(told.at_ms / 1000),
      ack: ACK_OF_STATE[told.state ?? 'sent'],
      isNewMsg: isNew,
      mentionedJidList: [],
      quotedStanzaID: told.reply_to ?? undefined,
    };
  }

  // A message that cannot be read yet: its type changes when its key has come.
  async function takeSealed(told, seconds) {
    const readable = attributesOf(told, true);
    const message = standin.ingest({ ...readable, type: 'ciphertext', body: undefined });
    await vault.save([message]);
    setTimeout(async () => {
      message.body = readable.body;
      message.type = readable.type;
      await vault.save([message]);
      standin.view.draw();
    }, seconds * 1000);
  }

  async function takeReceipt(stanza) {
    const chat = widOf(stanza.chat);
    const keys = stanza.keys.map((id) => new MsgKey({ fromMe: true, remote: chat, id }));
    const raised = keys.map((key) => messages.get(key)).filter(Boolean);
    raised.forEach((message) => message.updateAck(stanza.ack));
    await vault.save(raised);
    standin.view.draw();
    await standin.load('WAWebReceipts').handleChatSimpleReceipt({
      externalIds: stanza.keys,
      from: chat,
      ack: stanza.ack,
      ackString: stanza.ack === ACK.READ ? 'read' : 'delivery',
      participant: null,
      recipient: null,
    });
  }

  standin.takeStanza = async (stanza) => {
    if (stanza.op === 'receipt') await takeReceipt(stanza);
    else if (stanza.op === 'change') await standin.takeChange(stanza.change);
    else if (stanza.sealed_s) await takeSealed(stanza.message, stanza.sealed_s);
    else await vault.save([standin.ingest(attributesOf(stanza.message, true))]);
  };

  standin.takeHistory = async (told) => {
    await vault.save(told.map((message) => standin.ingest(attributesOf(message, false))));
  };

  // A customer under a LID is also known by phone, unless they hide it.
  standin.meet = (customer) => {
    const chat = chatOf(customer.chat, customer.name);
    if (customer.phone && chat.id.isLid()) {
      standin.pair(`${customer.phone.slice(1)}@c.us`, customer.chat);
    }
    const { Contact } = standin.classes;
    standin.contacts.add(new Contact({ id: chat.id, name: customer.name, formattedShortName: customer.name }));
  };

  standin.takeTyping = (chat, active) => {
    chatOf(chat).presence.chatstate.type = active ? 'composing' : 'available';
  };

  // What the vault kept from earlier runs of the browser.
  standin.recall = async () => {
    for (const row of await vault.messages()) {
      const { type: kind, mimetype: mime, size, filename: name, duration: seconds, filehash: hash } = row;
      standin.ingest({
        ...row,
        ...(hash && standin.describeFile({ kind, mime, size, name, seconds, hash })),
        id: MsgKey.fromString(row.id),
        from: widOf(row.from),
        to: widOf(row.to),
        author: row.author && widOf(row.author),
        latestEditMsgKey: row.latestEditMsgKey && MsgKey.fromString(row.latestEditMsgKey),
        isNewMsg: false,
        mentionedJidList: [],
      });
    }
  };

  // Stored first, then handed over: a kill between the two leaves a message with the clock.
  standin.addAndSend = async (chat, raw) => {
    const message = standin.ingest({ ack: ACK.PENDING, isNewMsg: true, ...raw });
    await vault.save([message]);
    return [Promise.resolve(message), handOver(message, chat, raw)];
  };

  // A file's message is stored first, too; then its content goes up, then it is handed over.
  standin.addAndSendFile = async (chat, mediaData, { productMsgOptions: raw, caption }) => {
    const { type: kind, mimetype: mime, size, filehash: hash, mediaBlob } = mediaData;
    const file = { kind, mime, size, name: raw.filename, hash, blob: mediaBlob.forceToBlob() };
    const about = { ...standin.describeFile(file), caption, body: undefined };
    const message = standin.ingest({ ack: ACK.PENDING, isNewMsg: true, ...raw, ...about });
    await vault.save([message]);
    await standin.load('WAWebUploadMedia').uploadMedia({ mediaType: kind, mediaBlob });
    return handOver(message, chat, raw);
  };

  function mediaOf({ filehash: sha256, mimetype: mime, size, filename: name }) {
    return sha256 ? { sha256, mime, size, name } : null;
  }

  async function handOver(message, chat, raw) {
    await standin.wire.send({
      chat: nameOf(chat.id),
      key: message.id.id,
      text: (message.filehash ? message.caption : message.body) ?? '',
      media: mediaOf(message),
      reply_to: message.quotedStanzaID ?? null,
    });
    message.updateAck(ACK.SERVER);
    await vault.save([message]);
    standin.view.draw();
    return { messageSendResult: 'OK', t: raw.t };
  }

  standin.markSeen = (chat) => {
    const model = chats.get(chat);
    if (model) model.unreadCount = 0;
    standin.wire.tell('seen', { chat: nameOf(chat) });
    standin.view.draw();
  };

  standin.markTyping = (chat, active) => {
    standin.wire.tell('typing', { chat: nameOf(chat.id), active });
  };

  // Neighbours of a message in its chat, as the page reads them from its store.
  standin.neighbours = async ({ anchor, count, direction }) => {
    const all = chatOf(anchor.remote).msgs._models;
    const at = all.findIndex((message) => message.id.equals(anchor));
    const found =
      direction === 'after' ? all.slice(at + 1, at + 1 + count) : all.slice(Math.max(0, at - count), at);
    return { messages: found };
  };
})();
