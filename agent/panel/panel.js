// The panel: asks the agent every two seconds how it is, and shows what changed.

import {
  $, auditLine, auditNote, checkLine, codeEnds, element, evidence, figures, logLine, messageLine,
  needLine, picture, queues, show, span, steps, write, writeSentence,
} from './parts.js';

const EVERY_MS = 2000;
const LOG_EVERY_MS = 4000;
const PATIENCE_MS = 5000; // one answer; the agent may be busy for a moment
const LOST = 'The agent does not answer: it is not running, or just starting again. '
  + 'This page goes on trying.';
const LOCKED = 'This page is locked again: run `sak-agent panel` on this PC to open it.';

const MENDS = { take_over: 'Use WhatsApp here', begin_anew: 'Try again now' };
const IDLE = ['qr', 'logged_out', 'restricted', 'page_changed', 'stopped']; // nothing to pause

let view = null;
let drawn = ''; // the code that is on screen
let listed = ''; // the messages that are on screen
let needed = ''; // the needs that are on screen

async function ask(path, body) {
  const post = body === undefined ? {} : {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const signal = body === undefined ? AbortSignal.timeout(PATIENCE_MS) : null;
  return fetch(`/api/${path}`, { ...post, signal });
}

// --- what is ---------------------------------------------------------------------------------

function render() {
  const { whatsapp, needs } = view;
  write($('shop'), view.shop && `Shop ${view.shop}`);
  write($('version'), `sak-agent ${view.version}`);
  $('whatsapp').className = `card state ${whatsapp.said.tone}`;
  write($('number'), whatsapp.number && `· number ending in ${whatsapp.number}`);
  write($('whatsapp-title'), whatsapp.said.title);
  writeSentence($('whatsapp-advice'), whatsapp.said.advice);
  document.title = `${whatsapp.said.title} – Shop assistant`;
  renderButtons();
  renderLink(whatsapp);
  renderHub();
  renderNeeds(needs);
  renderToday();
  renderRecent();
}

function renderNeeds(needs) {
  const now = JSON.stringify(needs);
  show($('needs'), needs.length > 0);
  if (now === needed) return;
  needed = now;
  const lines = needs.map(({ kind, text }) => needLine(text, () => act('calm', { kind })));
  $('needs').replaceChildren(...lines);
}

function renderButtons() {
  const button = $('pause');
  const { mend, state } = view.whatsapp;
  show(button, view.paused || !IDLE.includes(state));
  show($('mend'), mend !== null);
  write($('mend'), MENDS[mend] ?? '');
  $('mend').disabled = false;
  button.disabled = false;
  button.className = view.paused ? 'main' : '';
  write(button, view.paused ? 'Resume' : 'Pause');
  button.title = view.paused
    ? 'Let the assistant answer again'
    : 'Messages still arrive; nothing is answered';
}

function renderLink({ code, can_link: canLink }) {
  show($('link'), code !== null || canLink);
  show($('link-begin'), code === null);
  show($('link-other'), canLink);
  const now = code === null ? '' : code.path + code.letters;
  if (now !== drawn) {
    drawn = now;
    show($('link-refused'), false);
    $('steps').replaceChildren(...(code === null ? [] : steps(code)));
    $('code').replaceChildren(...(code === null ? [] : [picture(code)]));
  }
  write($('link-ends'), code === null ? '' : codeEnds(code, view.now_ms));
}

function renderHub() {
  const { hub, now_ms: now } = view;
  $('hub-dot').className = `dot ${hub.said.tone}`;
  write($('hub-state'), hub.said.title);
  const next = hub.retry_ms === null ? '' : `, next try in ${span(hub.retry_ms - now)}`;
  write($('hub-since'), `for ${span(now - hub.since_ms)}${next}`);
  writeSentence($('hub-advice'), hub.said.advice);
  show($('hub-advice'), hub.said.advice !== '');
  figures($('waiting'), queues(view));
}

function renderToday() {
  const { today, waiting } = view;
  const values = [['received', today.seen], ['sent', today.sent], ['waiting', waiting.orders]];
  if (today.by_owner) values.push(['written by you', today.by_owner]);
  if (today.failed) values.push(['not sent', today.failed]);
  if (today.unknown) values.push(['unsure', today.unknown]);
  figures($('today'), values);
  write($('last'), view.last_inbound_ms === null
    ? 'No customer has written yet.'
    : `The last customer wrote ${span(view.now_ms - view.last_inbound_ms)} ago.`);
}

function renderRecent() {
  const now = JSON.stringify(view.recent);
  show($('recent-none'), view.recent.length === 0);
  if (now === listed) return;
  listed = now;
  $('recent').replaceChildren(...view.recent.map((one) => messageLine(one, view.now_ms)));
}

// --- asking ----------------------------------------------------------------------------------

function lose(why) {
  writeSentence($('lost'), why);
  show($('lost'), true);
  document.body.classList.add('away');
  $('pause').disabled = true;
  $('mend').disabled = true;
}

async function refresh() {
  try {
    const answer = await ask('state');
    if (answer.status === 401) return lose(LOCKED);
    const told = await answer.json();
    if (!answer.ok) return lose(told.error);
    show($('lost'), false);
    document.body.classList.remove('away');
    view = told;
    return render();
  } catch {
    return lose(LOST);
  }
}

async function refreshLog() {
  write($('evidence'), evidence(view));
  try {
    const answer = await ask('log');
    if (!answer.ok) return;
    const box = $('log');
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    box.replaceChildren(...(await answer.json()).map(logLine));
    if (atEnd) box.scrollTop = box.scrollHeight;
  } catch {
    // The refresh of the state says that nobody answers.
  }
}

async function keep(work, everyMs, wanted) {
  for (;;) {
    if (!document.hidden && wanted()) await work();
    await new Promise((resume) => { setTimeout(resume, everyMs); });
  }
}

// --- what a person does ----------------------------------------------------------------------

async function act(path, body) {
  $('pause').disabled = true;
  $('mend').disabled = true;
  try {
    return await ask(path, body);
  } finally {
    await refresh();
  }
}

$('pause').addEventListener('click', () => act('pause', { paused: !view.paused }));
$('mend').addEventListener('click', () => act('mend', { what: view.whatsapp.mend }));

async function link(wish) {
  show($('link-refused'), false);
  const answer = await act('link', wish);
  if (answer.ok) return;
  writeSentence($('link-refused'), (await answer.json()).error);
  show($('link-refused'), true);
}

$('link-begin').addEventListener('click', () => link({}));
$('link-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const digits = $('phone').value.replace(/[^0-9+]/g, '');
  link({
    phone: digits === '' ? null : digits,
    new_number: $('new-number').checked,
    window: $('window').checked,
  });
});

$('audit').addEventListener('click', async () => {
  $('audit').disabled = true;
  write($('audit-note'), 'Comparing … with many chats this takes some minutes.');
  try {
    const answer = await ask('audit', {});
    const told = await answer.json();
    write($('audit-note'), answer.ok ? auditNote(told) : told.error);
    if (answer.ok) $('audited').replaceChildren(...told.days.map(auditLine));
    show($('audit-table'), answer.ok && told.days.length > 0);
  } catch {
    write($('audit-note'), 'The comparison was broken off: the agent does not answer.');
  }
  $('audit').disabled = false;
});

$('check').addEventListener('click', async () => {
  $('check').disabled = true;
  write($('check-note'), 'Looking … this can take half a minute.');
  try {
    const answer = await ask('check', {});
    const checks = await answer.json();
    const faults = checks.filter((check) => check.verdict === 'fail').length;
    const warnings = checks.filter((check) => check.verdict === 'warn').length;
    $('checks').replaceChildren(...checks.map(checkLine));
    write($('check-note'), faults || warnings
      ? `Found: faults ${faults}, warnings ${warnings}. What to do stands below each.`
      : 'All is well.');
  } catch {
    write($('check-note'), 'The check was broken off: the agent does not answer.');
  }
  $('check').disabled = false;
});

$('log-box').addEventListener('toggle', () => { if ($('log-box').open) refreshLog(); });
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
keep(refresh, EVERY_MS, () => true);
keep(refreshLog, LOG_EVERY_MS, () => $('log-box').open);
