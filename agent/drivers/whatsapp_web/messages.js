// Our side of the page: what leaves it of a message. Comes before page.js.
//
// Models are live objects, so all that leaves is copied field by field.
(() => {
  'use strict';

  const LOOK_UP_MS = 2000;
  const CARDS_MAX = 20;
  const CARD_CHARS_MAX = 2000;
  // Of a contact's card only this is told; the rest may hold a picture, an address, a birthday.
  const CARD_LINE = /^(?:item\d+\.)?(?:FN|TEL)[;:]/i;
  // Notices of WhatsApp itself, and texts that cannot be read yet.
  const NO_MESSAGES = new Set([
    'ciphertext', 'debug', 'e2e_notification', 'gp2', 'keychange', 'newsletter_notification',
    'notification', 'notification_template', 'protocol', 'broadcast_notification',
  ]);
  // Not: statuses, broadcast lists and channels, which never leave the page.
  const CHAT_SERVERS = new Set(['c.us', 'lid', 'g.us']);

  const text = (value) => (value === undefined || value === null ? null : value.toString());

  const isForUs = (message) =>
    CHAT_SERVERS.has(message.id.remote.server) && !NO_MESSAGES.has(message.type);

  // WhatsApp gives some times in seconds and some in milliseconds.
  const seconds = (time) => (time ? Math.floor(time > 1e11 ? time / 1000 : time) : null);

  // The phone behind a LID is only looked up in the page's own memory, never asked for. Nothing in
  // wa-js has a time limit, and a phone is worth neither the message nor holding the next one up.
  async function phoneOf(person) {
    if (person.server === 'c.us') return person.user;
    if (person.server !== 'lid') return null;
    const tooLate = new Promise((resolve) => setTimeout(resolve, LOOK_UP_MS, {}));
    try {
      const entry = await Promise.race([WPP.contact.getPnLidEntry(person), tooLate]);
      return entry?.phoneNumber?.id ?? null;
    } catch {
      return null;
    }
  }

  // The LID behind a phone, from the same memory; wa-js would ask WhatsApp's server for it.
  function lidOf(person) {
    if (person.server === 'lid') return text(person);
    try {
      return person.server === 'c.us' ? text(WPP.whatsapp.lidPnCache.getCurrentLid(person)) : null;
    } catch {
      return null;
    }
  }

  function mediaOf(message) {
    if (!message.mimetype) return null;
    const { mimetype, size, filename, duration } = message;
    return {
      mime: mimetype,
      size: Number(size) || 0,
      name: text(filename),
      seconds: duration === undefined || duration === null ? null : Number(duration),
    };
  }

  function cardOf(vcard) {
    const lines = String(vcard ?? '').replace(/\r?\n[ \t]/g, '').split(/\r?\n/);
    return lines.filter((line) => CARD_LINE.test(line)).join('\n').slice(0, CARD_CHARS_MAX);
  }

  function cardsOf(message) {
    if (message.type === 'vcard') return [cardOf(message.body)];
    if (message.type !== 'multi_vcard') return [];
    return (message.vcardList ?? []).slice(0, CARDS_MAX).map(({ vcard }) => cardOf(vcard));
  }

  // In media, places and contacts `body` is no text; only a text's body is.
  function textOf(message) {
    if (message.type === 'chat') return text(message.body);
    if (message.type === 'vcard') return text(message.vcardFormattedName);
    if (message.type === 'location') {
      return [message.loc, `${message.lat},${message.lng}`].filter(Boolean).join(' ');
    }
    // A document without a caption carries its name there.
    if (message.isCaptionByUser === false || message.caption === message.filename) return null;
    return text(message.caption);
  }

  async function describe(message) {
    const { id } = message;
    const isRevoked = message.type === 'revoked';
    const me = WPP.conn.getMyUserLid() ?? WPP.conn.getMyUserId();
    const sender = id.fromMe ? me : (message.author ?? id.participant ?? id.remote);
    return {
      chat: text(id.remote),
      id: id.id,
      from_me: id.fromMe,
      sender: text(sender),
      phone: await phoneOf(sender),
      lid: lidOf(sender),
      name: id.fromMe ? null : text(message.notifyName),
      type: message.type,
      text: textOf(message),
      media: mediaOf(message),
      cards: cardsOf(message),
      t: (isRevoked && seconds(message.revokeTimestamp)) || message.t,
      reply_to: isRevoked ? id.id : text(message.quotedStanzaID),
    };
  }

  // An edit is called by its own key, so that it is the same whether it was heard or found.
  async function describeEdit(message) {
    const at = seconds(message.latestEditSenderTimestampMs) ?? seconds(Date.now());
    const key = message.latestEditMsgKey;
    const own = typeof key === 'string' ? key.split('_')[2] : key?.id;
    const about = { type: 'edit', t: at, media: null, reply_to: message.id.id };
    const id = own ?? `${message.id.id}/edit/${at * 1000}`;
    return { ...(await describe(message)), ...about, id };
  }

  // A message that a search finds as it reads now, and before it that a customer changed it.
  async function describeFound(message) {
    const found = await describe(message);
    const isEdited = message.latestEditMsgKey && !message.id.fromMe && message.type !== 'revoked';
    return isEdited ? [await describeEdit(message), found] : [found];
  }

  window.__sakMessages = {
    text, isForUs, seconds, phoneOf, lidOf, describe, describeEdit, describeFound, CHAT_SERVERS,
  };
})();
