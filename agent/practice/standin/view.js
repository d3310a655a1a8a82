// STAND-IN. What a person sees who looks at the shop's browser: states and messages, no buttons.
'use strict';

(() => {
  const SHOWN_CHARS_MAX = 2000; // laying out more takes longer than the page may be silent
  let planned = false;

  function element(tag, className, text) {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    made.dir = 'auto';
    return made;
  }

  function textOf(message) {
    if (message.type === 'ciphertext') return 'Waiting for this message…';
    if (['location', 'vcard', 'multi_vcard', 'revoked'].includes(message.type)) return `[${message.type}]`;
    if (!message.filehash) return message.body;
    const file = [`[${message.type}]`, message.filename].filter(Boolean).join(' ');
    return [file, message.caption].filter(Boolean).join('\n');
  }

  function chatElement(chat) {
    const section = element('section', 'chat', '');
    const unread = chat.unreadCount ? ` · ${chat.unreadCount} new` : '';
    section.append(element('h2', '', `${chat.name}${unread}`));
    for (const message of chat.msgs._models.slice(-30)) {
      const side = message.id.fromMe ? 'mine' : 'theirs';
      section.append(element('p', side, textOf(message)?.slice(0, SHOWN_CHARS_MAX)));
    }
    return section;
  }

  function drawNow() {
    planned = false;
    const { chats, stream, me } = standin;
    document.getElementById('state').textContent = stream.mode ?? stream.info;
    const root = document.getElementById('app');
    const sections = me.linked ? chats.filter((chat) => chat.msgs.length).map(chatElement) : [];
    root.replaceChildren(...sections);
  }

  standin.view = {
    // Many changes at once are drawn once. No animation frame: a headless page may get none.
    draw() {
      if (planned) return;
      planned = true;
      setTimeout(drawNow, 50);
    },
  };
})();
