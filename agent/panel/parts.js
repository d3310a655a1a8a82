// The panel's pieces: what each struct of the server looks like. Nothing here asks the server.

export const $ = (id) => document.getElementById(id);

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// Changes the page only where it differs, so that a screen reader hears news and nothing else.
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// A sentence as the agent writes it: `command` and *button*.
export function writeSentence(target, text) {
  const pieces = text.split(/(`[^`]+`|\*[^*]+\*)/).filter((piece) => piece !== '');
  const bare = pieces.map((piece) => piece.replace(/^([`*])(.*)\1$/, '$2'));
  if (target.textContent === bare.join('')) return;
  target.replaceChildren(...pieces.map((piece, n) => {
    if (piece === bare[n]) return piece;
    return element(piece.startsWith('`') ? 'code' : 'strong', '', bare[n]);
  }));
}

export function show(target, shown) {
  if (target.hidden === shown) target.hidden = !shown;
}

// --- times -----------------------------------------------------------------------------------

const SPANS = [[86_400_000, 'day'], [3_600_000, 'hour'], [60_000, 'minute'], [1000, 'second']];
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

export function span(ms) {
  const [size, name] = SPANS.find(([least]) => ms >= least) ?? SPANS.at(-1);
  const n = Math.max(Math.floor(ms / size), 0);
  return `${n} ${name}${n === 1 ? '' : 's'}`;
}

function moment(ms, now) {
  return now - ms < 86_400_000 && new Date(ms).getDate() === new Date(now).getDate()
    ? clock.format(ms)
    : day.format(ms);
}

// --- figures ---------------------------------------------------------------------------------

export function figures(list, values) {
  const same = list.children.length === values.length;
  if (!same) {
    list.replaceChildren(
      ...values.map(() => element('div', '', element('dt', ''), element('dd', ''))),
    );
  }
  values.forEach(([name, value], n) => {
    write(list.children[n].firstChild, name);
    write(list.children[n].lastChild, String(value));
  });
}

const waits = (count, since, now) =>
  since === null || count === 0 ? String(count) : `${count} · oldest ${span(now - since)}`;

export function queues(view) {
  const { waiting, now_ms: now } = view;
  const rows = [
    ['News for the hub', waits(waiting.events, waiting.events_since_ms, now)],
    ['Replies to be sent', waits(waiting.orders, waiting.orders_since_ms, now)],
  ];
  if (waiting.files) rows.push(['Messages that wait for their photo or file', waiting.files]);
  if (waiting.quarantined) rows.push(['Orders this program could not read', waiting.quarantined]);
  return rows;
}

// --- linking ---------------------------------------------------------------------------------

const SVG = 'http://www.w3.org/2000/svg';
const OPEN = ["Open WhatsApp on the shop's phone.", 'Tap Settings, then Linked devices.'];
const SCAN = [...OPEN, 'Tap Link a device and hold the phone to this code.'];
const TYPE = [
  ...OPEN, 'Tap Link a device, then Link with phone number instead.', 'Type this code.',
];

export const steps = (code) =>
  (code.letters === '' ? SCAN : TYPE).map((step) => element('li', '', step));

export function picture(code) {
  if (code.letters) {
    const shown = element('p', 'letters', code.letters.replace(/^(.{4})(.{4})$/, '$1-$2'));
    shown.setAttribute('aria-label', [...code.letters].join(' '));
    return shown;
  }
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${code.size} ${code.size}`);
  svg.setAttribute('shape-rendering', 'crispEdges');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', 'The code to scan with WhatsApp on the phone');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', code.path);
  svg.append(path);
  return svg;
}

export function codeEnds(code, now) {
  const parts = [];
  if (code.expires_ms !== null) {
    const left = Math.ceil((code.expires_ms - now) / 1000);
    parts.push(left > 0 ? `A new code comes in ${span(left * 1000)}.` : 'A new code comes now.');
  }
  if (code.attempts_max) parts.push(`Code ${code.attempt} of ${code.attempts_max}.`);
  return parts.join(' ');
}

// --- messages --------------------------------------------------------------------------------

const KINDS = {
  text: 'message', photo: 'photo', voice: 'voice message', video: 'video', document: 'document',
  location: 'place', contact: 'contact', reaction: 'reaction', edit: 'changed message',
  revoke: 'deleted message', other: 'something else',
};
const STATES = {
  queued: ['', 'waiting'], typing: ['', 'being sent'], sending: ['', 'being sent'],
  sent: ['', 'sent'], delivered: ['', 'delivered'], read: ['', 'read'],
  failed: ['bad', 'not sent'], unknown: ['act', 'unsure'], expired: ['', 'too late to send'],
};

export function messageLine(one, now) {
  const who = one.ending ? `customer …${one.ending}` : 'a customer';
  const told = { in: `From ${who}`, out: `To ${who}`, owner: `From you to ${who}` }[one.way];
  const kind = KINDS[one.kind] ?? KINDS.other;
  const letters = one.letters === 1 ? ', 1 letter' : one.letters ? `, ${one.letters} letters` : '';
  const [tone, word] = one.way === 'out' ? (STATES[one.state] ?? ['', one.state]) : ['', ''];
  const time = element('time', '', moment(one.at_ms, now));
  time.dateTime = new Date(one.at_ms).toISOString();
  return element(
    'li', `way-${one.way}`, time,
    element('p', '', element('span', 'who', told), ' ', element('span', 'soft', kind + letters)),
    element('span', `state-word ${tone}`, word),
  );
}

// --- needs -----------------------------------------------------------------------------------

export function needLine(text, seen) {
  const button = element('button', '', 'Done');
  button.type = 'button';
  button.title = 'I have seen to it';
  button.addEventListener('click', () => { button.disabled = true; seen(); });
  const sentence = element('span', 'grow');
  writeSentence(sentence, text);
  return element('li', 'act', sentence, button);
}

// --- audit -----------------------------------------------------------------------------------

export const auditNote = ({ missed, days }) => {
  if (missed) return `Missed before, and recorded now: ${missed}. The hub is told of them.`;
  return days.length ? 'Nothing was missed.' : 'Nobody has written in these days.';
};

const COUNTED = ['seen', 'stored', 'answered', 'waiting'];
const weekday = new Intl.DateTimeFormat(undefined, {
  weekday: 'short', day: 'numeric', month: 'short',
});

export function auditLine(day) {
  const name = element('th', '', weekday.format(new Date(`${day.day}T00:00`)));
  name.scope = 'row';
  const cells = COUNTED.map((what) => {
    const late = what === 'waiting' && day.waiting > 0;
    return element('td', late ? 'act' : '', String(day[what]));
  });
  return element('tr', '', name, ...cells);
}

// --- self-check and log ----------------------------------------------------------------------

const VERDICTS = {
  ok: ['good', '✓', 'Fine'], warn: ['act', '!', 'Warning'], fail: ['bad', '✕', 'Fault'],
};

export function checkLine(check) {
  const [tone, sign, word] = VERDICTS[check.verdict];
  const mark = element('span', 'mark', sign);
  mark.setAttribute('role', 'img');
  mark.setAttribute('aria-label', word);
  const found = element('p', '', element('strong', '', check.name), `: ${check.finding}`);
  const body = element('div', '', found);
  if (check.remedy) {
    const remedy = element('p', '');
    writeSentence(remedy, check.remedy);
    body.append(remedy);
  }
  return element('li', tone, mark, body);
}

export function evidence(view) {
  const found = view?.whatsapp.evidence;
  if (!found) return '';
  const parts = [
    `WhatsApp's own state ${found.stream_mode ?? 'unknown'}`,
    found.authenticated ? 'linked' : 'not linked',
    found.ping_ms === null ? 'no answer to the last probe' : `answered in ${found.ping_ms} ms`,
    found.last_event_ms === null
      ? 'no event yet'
      : `last event ${span(view.now_ms - found.last_event_ms)} ago`,
    `unread chats known: ${found.unread_known} of ${found.unread_seen}`,
  ];
  return `${parts.join(' · ')}.`;
}

export function logLine(line) {
  const at = clock.format(new Date(line.at)).concat(' ');
  const made = element('p', line.level, element('span', 'soft', at), line.event);
  made.append(element('span', 'soft', line.details ? ` ${line.details}` : ''));
  return made;
}
