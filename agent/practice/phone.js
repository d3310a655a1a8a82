// The practice phone's page: one person plays all customers of the shop.
//
// The server says which chats changed (server-sent events); the page asks for them again and
// changes only what differs, so that a draft, the scroll position and the focus stay.
'use strict';

const $ = (id) => document.getElementById(id);
const TYPING_PAUSE_MS = 3000;
const NEAR_BOTTOM_PX = 80;
const OWNER = 'owner';
const ONLINE = 'Shop online';

let state = null;
let openChat = null; // the chat on screen, by id
let shown = new Map(); // its messages on screen, by key
let authorsShown = ''; // for which chat the choice of writers was built
let atEnd = true; // the newest message is in sight
const drafts = new Map(); // what was typed and not sent, by chat

// --- server ----------------------------------------------------------------------------------

async function call(method, path, body) {
  const response = await fetch(`/api/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error((await response.json()).error);
  return response.json();
}

const chatPath = (id, what = '') => `chats/${encodeURIComponent(id)}${what}`;

// --- small pieces ----------------------------------------------------------------------------

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? '').join('').toUpperCase();
}

function paintFace(face, chat) {
  const sum = [...chat.chat].reduce((total, letter) => total + letter.codePointAt(0), 0);
  face.className = `face tone-${sum % 6}`;
  face.textContent = initials(chat.name);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

function dayOf(at) {
  const day = calendar.format(at);
  return day === calendar.format(Date.now()) ? 'Today' : day;
}

// *bold* as WhatsApp shows it; everything else stays plain text.
function formatted(text) {
  const parts = text.split(/(\*[^*\s](?:[^*\n]*[^*\s])?\*)/);
  return parts.map((part, index) => (index % 2 ? element('b', '', part.slice(1, -1)) : part));
}

const TICKS = {
  sent: ['✓', 'Sent'],
  delivered: ['✓✓', 'Delivered to the shop'],
  read: ['✓✓', 'Read by the shop'],
};

function paintTicks(ticks, messageState) {
  const [sign, meaning] = TICKS[messageState];
  ticks.className = `ticks ${messageState}`;
  ticks.textContent = sign;
  ticks.title = meaning;
  ticks.setAttribute('aria-label', meaning);
  ticks.setAttribute('role', 'img');
}

// --- chat list -------------------------------------------------------------------------------

function lastLine(chat) {
  if (chat.shop_typing) return 'Shop is typing…';
  if (!chat.last) return chat.is_group ? 'Group' : 'No messages yet';
  const words = formatted(chat.last.text).map((part) => part.textContent ?? part).join('');
  const text = chat.last.media ? [files.line(chat.last.media), words].filter(Boolean).join(' · ') : words;
  return chat.last.from_shop ? text : `You: ${text}`;
}

function chatRow(chat) {
  const row = element('li');
  const link = element('a');
  link.href = `#${chat.chat}`;
  link.setAttribute('aria-current', String(chat.chat === openChat));
  const face = element('span');
  paintFace(face, chat);
  face.setAttribute('aria-hidden', 'true');
  const name = element('span', 'name', chat.name);
  name.dir = 'auto';
  const time = element('time', '', chat.last ? clock.format(chat.last.at_ms) : '');
  const last = element('span', chat.shop_typing ? 'last typing' : 'last', lastLine(chat));
  last.dir = 'auto';
  link.append(face, name, time, last);
  if (chat.unread) {
    const badge = element('span', 'badge', String(chat.unread));
    badge.setAttribute('aria-label', `${chat.unread} unread`);
    link.append(badge);
  }
  row.append(link);
  return row;
}

function drawList() {
  const newest = (chat) => chat.last?.at_ms ?? 0;
  const chats = [...state.chats].sort((a, b) => newest(b) - newest(a));
  const focused = document.activeElement?.closest?.('#chats a')?.getAttribute('href');
  $('chats').replaceChildren(...chats.map(chatRow));
  if (focused) $('chats').querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

function shopState() {
  if (!state.shop.linked) return 'Shop not linked';
  if (!state.shop.connected) return 'Shop offline';
  return state.faults.conflict ? 'Shop in use elsewhere' : ONLINE;
}

function drawShop() {
  const text = shopState();
  $('shop').textContent = text;
  $('shop').className = `pill ${text === ONLINE ? 'on' : 'off'}`;
  for (const box of $('faults').querySelectorAll('input')) box.checked = state.faults[box.name];
  const { shown: seen, repeated } = state.totals;
  const repeats = repeated === 1 ? '1 repeat' : `${repeated} repeats`;
  $('totals').textContent = `Shop’s messages: ${seen} shown, ${repeats} dropped`;
}

// --- one chat --------------------------------------------------------------------------------

function bubble(message, chat) {
  const made = element('li', `bubble${message.from_shop ? '' : ' mine'}`);
  if (message.author === OWNER) made.append(element('div', 'from', 'Shop owner, from the phone'));
  else if (chat.is_group && !message.from_shop) made.append(element('div', 'from', message.name));
  if (message.media) made.append(files.show(chat.chat, message, () => atEnd && scrollToEnd()));
  const text = element('div', 'text');
  text.dir = 'auto';
  text.append(...formatted(message.text));
  const foot = element('div', 'foot');
  const repeat = element('span', 'repeat');
  foot.append(repeat, element('time', '', clock.format(message.at_ms)));
  const ticks = element('span');
  if (!message.from_shop) foot.append(ticks);
  if (message.text) made.append(text);
  made.append(foot);
  return { made, ticks, repeat, message };
}

function refresh(piece, message) {
  if (!message.from_shop) paintTicks(piece.ticks, message.state);
  piece.repeat.textContent = message.arrivals > 1 ? `came ${message.arrivals}×, shown once` : '';
  piece.message = message;
}

function drawComposing(active) {
  const present = $('messages').querySelector('.composing');
  if (present) present.remove();
  if (!active) return;
  const dots = element('li', 'bubble composing');
  dots.setAttribute('aria-label', 'The shop is typing');
  dots.append(element('i'), element('i'), element('i'));
  $('messages').append(dots);
}

function isNearEnd() {
  const list = $('messages');
  return list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_BOTTOM_PX;
}

function scrollToEnd() {
  $('messages').scrollTop = $('messages').scrollHeight;
}

function drawMessages(chat, messages) {
  const list = $('messages');
  const wasNear = isNearEnd();
  let lastDay = [...shown.values()].at(-1)?.message.at_ms;
  lastDay = lastDay === undefined ? '' : dayOf(lastDay);
  drawComposing(false);
  for (const message of messages) {
    if (!shown.has(message.key)) {
      const day = dayOf(message.at_ms);
      if (day !== lastDay) list.append(element('li', 'day', day));
      lastDay = day;
      const piece = bubble(message, chat);
      shown.set(message.key, piece);
      list.append(piece.made);
    }
    refresh(shown.get(message.key), message);
  }
  drawComposing(chat.shop_typing);
  if (wasNear) scrollToEnd();
}

function drawAuthors(chat) {
  if (authorsShown === chat.chat) return;
  authorsShown = chat.chat;
  const choices = [...Object.entries(chat.members), [OWNER, 'the shop’s owner, from the phone']];
  $('author').replaceChildren(
    ...choices.map(([id, name]) => {
      const option = element('option', '', name);
      option.value = id;
      return option;
    }),
  );
}

function aboutLine(chat) {
  if (chat.shop_typing) return 'The shop is typing…';
  if (chat.is_group) return Object.values(chat.members).join(', ');
  return chat.phone ?? 'Number hidden from the shop';
}

async function drawChat() {
  const wanted = openChat;
  if (!wanted) return;
  const { chat, messages } = await call('GET', chatPath(wanted));
  if (wanted !== openChat) return;
  paintFace($('face'), chat);
  $('name').textContent = chat.name;
  $('about').textContent = aboutLine(chat);
  $('about').classList.toggle('typing', chat.shop_typing);
  drawAuthors(chat);
  drawMessages(chat, messages);
  if (chat.unread && document.visibilityState === 'visible') await call('POST', chatPath(wanted, '/read'));
}

function showChat() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (openChat) drafts.set(openChat, $('text').value);
  openChat = state.chats.some((chat) => chat.chat === wanted) ? wanted : null;
  $('phone').classList.toggle('open', openChat !== null);
  $('chat').hidden = openChat === null;
  $('empty').hidden = openChat !== null;
  $('messages').replaceChildren();
  shown = new Map();
  drawList();
  if (!openChat) return;
  $('text').value = drafts.get(openChat) ?? '';
  $('trouble').hidden = true;
  fitComposer();
  drawChat();
  if (matchMedia('(min-width: 721px)').matches) $('text').focus();
}

// --- writing ---------------------------------------------------------------------------------

let typingTimer = 0;
let typingIn = null;

function stopTyping() {
  clearTimeout(typingTimer);
  if (!typingIn) return;
  call('POST', chatPath(typingIn, '/typing'), { active: false });
  typingIn = null;
}

function noteTyping() {
  fitComposer();
  if ($('author').value === OWNER || !openChat) return;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(stopTyping, TYPING_PAUSE_MS);
  if (typingIn === openChat) return;
  stopTyping();
  typingIn = openChat;
  call('POST', chatPath(openChat, '/typing'), { active: true });
}

function fitComposer() {
  const box = $('text');
  box.style.height = 'auto';
  box.style.height = `${box.scrollHeight + 2}px`;
}

async function send(event) {
  event.preventDefault();
  const text = $('text').value;
  const chat = openChat;
  if (!text.trim() || !chat) return;
  const author = $('author').value;
  $('text').value = '';
  fitComposer();
  typingIn = null;
  clearTimeout(typingTimer);
  $('messages').scrollTop = $('messages').scrollHeight;
  try {
    if (author === OWNER) await call('POST', chatPath(chat, '/owner'), { text });
    else await call('POST', chatPath(chat, '/messages'), { text, author });
  } catch {
    if (chat === openChat) $('text').value = text;
    else drafts.set(chat, text);
    fitComposer();
    lostServer();
  }
}

async function sendFile() {
  const [file] = $('file').files;
  const [chat, caption] = [openChat, $('text').value];
  $('file').value = '';
  if (!file || !chat) return;
  $('trouble').hidden = true;
  try {
    await files.send(chat, file, $('author').value, caption.trim());
    if (chat === openChat && $('text').value === caption) $('text').value = '';
    fitComposer();
    scrollToEnd();
  } catch (error) {
    $('trouble').textContent = `${file.name} was not sent: ${error.message}`;
    $('trouble').hidden = false;
  }
}

// --- wiring ----------------------------------------------------------------------------------

function lostServer() {
  $('shop').textContent = 'Practice phone stopped';
  $('shop').className = 'pill off';
}

async function takeState() {
  const first = state === null;
  state = await call('GET', 'state');
  drawShop();
  if (first) showChat();
  else drawList();
}

function listen() {
  const events = new EventSource('/api/events');
  events.onmessage = async ({ data }) => {
    try {
      await takeState();
      const changed = JSON.parse(data);
      if (openChat && (!changed.length || changed.includes(openChat))) await drawChat();
    } catch {
      lostServer();
    }
  };
  events.onerror = lostServer;
}

async function addCustomer() {
  if ($('newcomer').returnValue !== 'add') return;
  const body = { name: $('newname').value, hidden_phone: $('newhidden').checked };
  const { chat } = await call('POST', 'customers', body);
  await takeState();
  location.hash = chat;
}

$('add').addEventListener('click', () => {
  $('newcomer').returnValue = '';
  $('newcomer').querySelector('form').reset();
  $('newcomer').showModal();
});
$('newcomer').addEventListener('close', addCustomer);
// Enter in the name means Add, not the first button of the form.
$('newname').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return;
  event.preventDefault();
  $('newcomer').close('add');
});
$('composer').addEventListener('submit', send);
$('attach').addEventListener('click', () => $('file').click());
$('file').addEventListener('change', sendFile);
$('text').addEventListener('input', noteTyping);
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send(event);
});
$('faults').addEventListener('change', () => {
  const boxes = [...$('faults').querySelectorAll('input')];
  const changed = Object.fromEntries(boxes.map((box) => [box.name, box.checked]));
  call('PUT', 'faults', { ...state.faults, ...changed });
});
document.addEventListener('visibilitychange', () => openChat && drawChat());
window.addEventListener('hashchange', showChat);
// A keyboard that opens must not cover the newest message.
$('messages').addEventListener('scroll', () => (atEnd = isNearEnd()));
new ResizeObserver(() => atEnd && $('messages').scrollTo(0, $('messages').scrollHeight)).observe($('messages'));
listen();
