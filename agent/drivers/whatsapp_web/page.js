// Our side of the page: what the agent asks of WhatsApp, and what WhatsApp tells the agent.
//
// Runs after wa-js (`WPP`) and messages.js. `__sakAgentTell` is the way out; the agent calls `__sakAgent.call(name, argument)`.
(() => {
  'use strict';

  const ACK = { FAILED: -1, SERVER: 1 };
  // Errors after which trying again is pointless. All others leave the message in doubt, and the
  // agent looks its key up.
  const FINAL_ERRORS = new Set([
    'file_too_large', 'invalid_wid', 'message_key_remote_id_is_not_same_of_chat',
  ]);
  // WhatsApp has no such message, or nothing behind it.
  const NO_FILE = new Set(['media_not_found', 'message_not_contains_media', 'msg_not_found']);
  const FILES_MAX = 8; // at once in the page's memory; a call that was given up leaves one behind
  const USER_SERVERS = new Set(['c.us', 'lid']);
  const UNREAD_MAX = 20; // chats that a probe tells of, the newest

  const {
    text, isForUs, seconds, phoneOf, lidOf, describe, describeEdit, describeFound, CHAT_SERVERS,
  } = window.__sakMessages;
  const tell = (event, content) => window.__sakAgentTell({ event, ...content });

  // --- how the page is ---------------------------------------------------------------------

  let restrictedMs = null; // when WhatsApp told of a ban

  function state() {
    const { mode, info } = WPP.conn.getStreamData();
    const me = WPP.conn.getMyUserId();
    return {
      mode: mode ?? null,
      info: info ?? null,
      online: WPP.conn.isOnline(),
      authenticated: WPP.conn.isAuthenticated(),
      full_ready: WPP.isFullReady,
      account: me ? me.user : null,
      restricted_ms: restrictedMs,
    };
  }

  // What a person sees as a badge, to be compared with what was told. Below zero: marked by hand.
  function unread() {
    const chats = WPP.whatsapp.ChatStore.getModelsArray();
    const badged = chats.filter((chat) => chat.unreadCount > 0 && USER_SERVERS.has(chat.id.server));
    const newest = badged.sort((a, b) => (b.t ?? 0) - (a.t ?? 0)).slice(0, UNREAD_MAX);
    return newest.flatMap((chat) => {
      const held = chat.msgs?.getModelsArray() ?? [];
      const theirs = held.filter((message) => !message.id.fromMe && isForUs(message));
      const under = theirs.slice(-chat.unreadCount);
      if (!under.length) return [];
      const { id, t } = under.at(-1);
      return [{ chat: text(id.remote), id: id.id, t, since: Math.min(...under.map((one) => one.t)) }];
    });
  }

  // The echo shows that the way by which events come is open.
  function probe() {
    tell('echo', {});
    return { ...state(), unread: unread() };
  }

  // --- what the agent asks -----------------------------------------------------------------

  async function findKey(chatId, key) {
    const chat = await WPP.chat.find(chatId);
    return { chat, id: `true_${chat.id}_${key}` };
  }

  async function stored(id) {
    try {
      return await WPP.chat.getMessageById(id);
    } catch (error) {
      if (error.code === 'msg_not_found') return null;
      throw error;
    }
  }

  const outcome = (state, code = '', message = '') => ({ state, code, message });

  // A quoted message that the page no longer has is left out: the answer matters more.
  function quoteOf(chat, wanted) {
    const quoted = wanted && chat.msgs.getModelsArray().find((each) => each.id.id === wanted);
    return quoted ? { quotedMsg: quoted.id } : {};
  }

  // The order is for one number; the page may have been linked to another meanwhile.
  function requireAccount(account) {
    const me = WPP.conn.getMyUserId();
    if (!me || `+${me.user}` !== account) throw Object.assign(new Error(), { code: 'wrong_account' });
  }

  async function handOver(chat, id, body, file, quote) {
    const options = {
      messageId: id,
      waitForAck: true,
      markIsRead: false,
      linkPreview: false,
      detectMentioned: false,
      delay: 0,
      ...quote,
    };
    if (!file) return WPP.chat.sendTextMessage(chat.id, body, options);
    const { kind, mime, name, handle } = file;
    const content = new File(files.get(handle).parts, name, { type: mime });
    const about = { type: kind, mimetype: mime, filename: name, caption: body || undefined };
    return WPP.chat.sendFileMessage(chat.id, content, { ...options, ...about });
  }

  async function send({ account, chat: chatId, key, text: body, reply_to: replyTo, file }) {
    requireAccount(account);
    const { chat, id } = await findKey(chatId, key);
    const before = await stored(id);
    if (before && before.ack >= ACK.SERVER) return outcome('sent');
    // wa-js waits for a file's message to appear: one that is there already never does.
    if (before && file) return outcome('unknown', 'no_ack', 'WhatsApp has not confirmed it yet');
    try {
      await handOver(chat, id, body, file, quoteOf(chat, replyTo));
    } catch (error) {
      const code = error.code ?? 'page_error';
      return outcome(FINAL_ERRORS.has(code) ? 'failed' : 'unknown', code, String(error.message ?? error));
    }
    const after = await stored(id);
    if (after && after.ack >= ACK.SERVER) return outcome('sent');
    if (after && after.ack === ACK.FAILED) return outcome('failed', 'refused', 'WhatsApp refused it');
    return outcome('unknown', 'no_ack', 'WhatsApp did not confirm it');
  }

  // --- files, piece by piece ---------------------------------------------------------------

  const files = new Map(); // by handle: {parts} on the way out, {blob} on the way in
  let handles = 0;

  function keep(file) {
    if (files.size >= FILES_MAX) files.delete(files.keys().next().value);
    handles += 1;
    files.set(handles, file);
    return handles;
  }

  const beginFile = () => keep({ parts: [] });

  function addPiece({ handle, base64 }) {
    files.get(handle).parts.push(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
  }

  // A message's file: fetched and decrypted by WhatsApp, then held here to be read.
  async function openFile({ account, chat: chatId, id, from_me: fromMe, limit }) {
    requireAccount(account);
    const chat = await WPP.chat.find(chatId);
    try {
      const blob = await WPP.chat.downloadMedia(`${fromMe}_${chat.id}_${id}`);
      if (blob.size > limit) return { state: 'too_large' };
      return { state: 'here', handle: keep({ blob }), size: blob.size };
    } catch (error) {
      if (NO_FILE.has(error.code)) return { state: 'gone' };
      throw error;
    }
  }

  function readFile({ handle, from, size }) {
    const reader = new FileReader();
    reader.readAsDataURL(files.get(handle).blob.slice(from, from + size));
    return new Promise((resolve, reject) => {
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
      reader.onerror = () => reject(reader.error);
    });
  }

  const closeFile = (handle) => void files.delete(handle);

  async function lookUp({ account, chat, key }) {
    requireAccount(account);
    const message = await stored((await findKey(chat, key)).id);
    if (!message) return 'absent';
    return message.ack >= ACK.SERVER ? 'acknowledged' : 'pending';
  }

  async function customerWrote({ account, chat: chatId, count }) {
    requireAccount(account);
    const { id, msgs } = await WPP.chat.find(chatId);
    const isTheirs = (message) => !message.id.fromMe && isForUs(message);
    if (msgs.getModelsArray().some(isTheirs)) return true;
    return (await WPP.chat.getMessages(id, { count })).some(isTheirs);
  }

  async function markRead(chatId) {
    await WPP.chat.markIsRead((await WPP.chat.find(chatId)).id);
  }

  async function typing({ chat: chatId, active }) {
    const { id } = await WPP.chat.find(chatId);
    await (active ? WPP.chat.markIsComposing(id) : WPP.chat.markIsPaused(id));
  }

  // One-to-one chats in which something happened since a moment (seconds).
  async function chatsSince(since) {
    const chats = await WPP.chat.list({ onlyUsers: true, ignoreGroupMetadata: true });
    return chats.filter((chat) => (chat.t ?? since) >= since).map((chat) => text(chat.id));
  }

  // What the page was told after the newest one that WhatsApp reads from.
  async function heldAfter(chatId, page) {
    const held = (await WPP.chat.find(chatId)).msgs.getModelsArray();
    const read = new Set(page.map((one) => text(one.id)));
    const newest = Math.max(...page.map((one) => one.t));
    const from = held.findLastIndex((one) => read.has(text(one.id))) + 1;
    return held.slice(from).filter((one) => from > 0 || one.t > newest);
  }

  // Some of a chat's messages since a moment, oldest first: the newest ones, or those before one.
  // `before` in the answer is where to go on from, null at the end.
  async function messagesPage({ chat: chatId, since, before, count }) {
    const from = before === null ? {} : { id: before, direction: 'before' };
    const page = await WPP.chat.getMessages(chatId, { count, ...from });
    const found = before === null ? [...page, ...(await heldAfter(chatId, page))] : page;
    const wanted = found.filter((one) => one.t >= since && isForUs(one));
    const rows = await Promise.all(wanted.sort((a, b) => a.t - b.t).map(describeFound));
    const oldest = page.reduce((one, other) => (other.t < one.t ? other : one), page[0]);
    return {
      messages: rows.flat(),
      before: oldest && oldest.t >= since ? text(oldest.id) : null,
    };
  }

  const calls = {
    send, lookUp, customerWrote, markRead, typing, chatsSince, messagesPage,
    beginFile, addPiece, openFile, readFile, closeFile,
  };

  window.__sakAgent = {
    calls,
    probe,
    async call(name, argument) {
      try {
        return { value: await calls[name](argument) };
      } catch (error) {
        return { code: error.code ?? 'page_error', message: String(error.message ?? error) };
      }
    },
  };

  // --- what WhatsApp tells -----------------------------------------------------------------

  // Descriptions wait for one another, so that messages leave in the order in which they came.
  let queue = Promise.resolve();
  const inOrder = (work) => {
    queue = queue.then(work).catch((error) => console.error('sak-agent', error));
  };

  WPP.on('chat.new_message', (message) => {
    if (!isForUs(message)) return;
    inOrder(async () => tell('message', { message: await describe(message) }));
    // wa-js watches only the chats that were there when it became ready.
    if (message.id.remote.isUser()) message.chat?.presence?.subscribe?.();
  });

  // `revoke` and `reaction` have no message of their own: what they aim at is `reply_to`.
  const about = (kind, target, sender, at, content, own) => {
    if (!CHAT_SERVERS.has(target.remote.server)) return;
    inOrder(async () =>
      tell('message', {
        message: {
          chat: text(target.remote),
          id: own ?? `${target.id}/${kind}/${at * 1000}`,
          from_me: false,
          sender: text(sender),
          phone: await phoneOf(sender),
          lid: lidOf(sender),
          name: null,
          type: kind,
          text: content,
          media: null,
          t: at,
          reply_to: target.id,
        },
      }),
    );
  };
  const nowS = () => Math.floor(Date.now() / 1000);
  const isOwn = (wid) =>
    [WPP.conn.getMyUserId(), WPP.conn.getMyUserLid()].some((me) => me && text(me) === text(wid));

  WPP.on('chat.msg_revoke', ({ refId, author, from }) => {
    const sender = author ?? from;
    if (!isOwn(sender)) about('revoke', refId, sender, nowS(), null);
  });
  WPP.on('chat.msg_edited', ({ msg }) => {
    if (msg.id.fromMe || !isForUs(msg)) return;
    inOrder(async () => tell('message', { message: await describeEdit(msg) }));
  });
  WPP.on('chat.new_reaction', ({ id, msgId, sender, reactionText, timestamp }) => {
    if (isOwn(sender)) return;
    about('reaction', msgId, sender, seconds(timestamp) ?? nowS(), reactionText, id?.id);
  });

  WPP.on('chat.msg_ack_change', ({ ack, ids }) => {
    const own = ids.filter((id) => id.fromMe).map((id) => id.id);
    if (own.length) inOrder(() => tell('ack', { ids: own, ack }));
  });

  WPP.on('chat.presence_change', ({ id, isUser, state: activity }) => {
    if (isUser) inOrder(() => tell('composing', { chat: text(id), active: activity === 'composing' }));
  });

  const tellState = () => inOrder(() => tell('state', { state: state() }));
  for (const event of [
    'loader.full_ready', 'conn.stream_mode_changed', 'conn.stream_info_changed', 'conn.online',
    'conn.authenticated', 'conn.main_ready', 'conn.logout',
  ]) {
    WPP.on(event, tellState);
  }
  WPP.on('conn.backend_event', (event) => {
    if (event !== 'account_temporarily_banned') return;
    restrictedMs = Date.now();
    tellState();
  });
  tellState();
})();
