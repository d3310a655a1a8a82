// STAND-IN. Places, contacts and quotes; and what customers do to messages: edit, revoke, react.
'use strict';

(() => {
  const { MsgKey, messages, vault, widOf } = standin;

  const vcardOf = ({ name, phone }) =>
    ['BEGIN:VCARD', 'VERSION:3.0', `N:;${name};;;`, `FN:${name}`,
      `TEL;type=CELL;type=VOICE;waid=${phone.replace(/\D/g, '')}:${phone}`, 'END:VCARD'].join('\n');

  // A thumbnail stands in the body of a place, as in the real client.
  const placeOf = ({ lat, lng, name }) =>
    ({ type: 'location', lat, lng, loc: name || undefined, body: '/9j/standin' });

  function cardsOf(cards) {
    const list = cards.map((card) => ({ displayName: card.name, vcard: vcardOf(card) }));
    if (list.length > 1) return { type: 'multi_vcard', vcardList: list };
    return { type: 'vcard', body: list[0].vcard, vcardFormattedName: list[0].displayName };
  }

  // The attributes of what is neither text nor file; null for those.
  standin.contentOfKind = ({ place, cards, revoked, changed_ms: changedMs }) => {
    if (revoked) return { type: 'revoked', revokeTimestamp: Math.floor(changedMs / 1000) };
    if (place) return placeOf(place);
    return cards?.length ? cardsOf(cards) : null;
  };

  const keyOf = (chat, id, fromMe = false) => new MsgKey({ fromMe, remote: widOf(chat), id });

  standin.editOf = ({ chat, edit_key: key, changed_ms: changedMs }) =>
    key ? { latestEditMsgKey: keyOf(chat, key), latestEditSenderTimestampMs: changedMs } : {};

  async function edit(target, { chat, key, text, at_ms: atMs }) {
    target[target.filehash ? 'caption' : 'body'] = text;
    target.set('latestEditSenderTimestampMs', atMs);
    target.set('latestEditMsgKey', keyOf(chat, key));
  }

  async function revoke(target, { chat, key, at_ms: atMs }) {
    const protocol = { type: 'protocol', subtype: 'sender_revoke', protocolMessageKey: target.id };
    const about = { id: keyOf(chat, key), from: widOf(chat), to: standin.me.lid, isNewMsg: true };
    await messages.processMultipleMessages(widOf(chat), [{ ...about, ...protocol, t: atMs / 1000 }]);
  }

  standin.applyProtocol = ({ protocolMessageKey, t }) => {
    const target = messages.get(protocolMessageKey);
    target.set({ type: 'revoked', body: undefined, caption: undefined, revokeTimestamp: Math.floor(t) });
    return target;
  };

  async function react(target, { chat, key, author, text, at_ms: t }) {
    const sender = standin.customers.get(author).chat;
    const reaction = { msgKey: keyOf(chat, key).toString(), parentMsgKey: target.id.toString() };
    const about = { reactionText: text, senderUserJid: sender, orphan: 0, read: false, t };
    standin.load('WAWebReactions').addOrUpdateReactionsModelCollection({ ...reaction, ...about }, true);
  }

  const changes = { edit, revoke, reaction: react };

  standin.takeChange = async (change) => {
    const { chat, target: id, kind } = change;
    const target = [false, true].map((fromMe) => messages.get(keyOf(chat, id, fromMe))).find(Boolean);
    if (!target) return;
    await changes[kind](target, change);
    await vault.save([target]);
    standin.view.draw();
  };

  standin.declareAll({
    WAWebReactions: () => ({ addOrUpdateReactionsModelCollection: () => {} }),
  });
})();
