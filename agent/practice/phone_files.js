// The practice phone's page: photos and documents, shown and sent.
//
// Only what the server shows inline is shown here; everything else is a card that leads to it.
'use strict';

const files = (() => {
  const PICTURES = new Set(['image/gif', 'image/jpeg', 'image/png', 'image/webp']);
  const BYTES_MAX = 16 * 1024 * 1024;
  const PDF = 'application/pdf';

  const addressOf = (chat, message) =>
    `/api/chats/${encodeURIComponent(chat)}/messages/${encodeURIComponent(message.key)}/file`;

  function sizeOf(bytes) {
    if (bytes < 1000) return `${bytes} bytes`;
    const [amount, unit] = bytes < 1e6 ? [bytes / 1e3, 'kB'] : [bytes / 1e6, 'MB'];
    return `${amount.toLocaleString(undefined, { maximumFractionDigits: amount < 10 ? 1 : 0 })} ${unit}`;
  }

  function kindOf({ mime }) {
    if (PICTURES.has(mime)) return 'Photo';
    if (mime === PDF) return 'PDF';
    if (mime.startsWith('audio/')) return 'Audio';
    return 'File';
  }

  const nameOf = (media) => media.name ?? kindOf(media);

  function link(chat, message, className) {
    const made = element('a', className);
    made.href = addressOf(chat, message);
    made.target = '_blank';
    made.rel = 'noopener';
    return made;
  }

  function picture(chat, message, loaded) {
    const made = link(chat, message, 'picture');
    const image = element('img');
    image.alt = nameOf(message.media);
    image.addEventListener('load', loaded);
    image.addEventListener('error', () => made.replaceWith(card(chat, message)));
    image.src = made.href;
    made.append(image);
    return made;
  }

  function card(chat, message) {
    const { media } = message;
    const made = link(chat, message, `document ${media.mime === PDF ? 'pdf' : ''}`);
    if (media.mime !== PDF) made.download = '';
    const badge = element('span', 'kind', kindOf(media) === 'PDF' ? 'PDF' : 'FILE');
    badge.setAttribute('aria-hidden', 'true');
    const name = element('span', 'title', nameOf(media));
    name.dir = 'auto';
    made.append(badge, name, element('span', 'facts', `${kindOf(media)} · ${sizeOf(media.size)}`));
    return made;
  }

  return {
    // What stands in a bubble for a message's file; `loaded` hears when a picture has its height.
    show: (chat, message, loaded) =>
      PICTURES.has(message.media.mime) ? picture(chat, message, loaded) : card(chat, message),

    line: (media) => (kindOf(media) === 'Photo' ? 'Photo' : `${kindOf(media)}: ${nameOf(media)}`),

    // Sends a file as its writer; the words in the composer become its caption.
    async send(chat, file, author, caption) {
      if (file.size > BYTES_MAX) throw new Error('A file may have 16 MB at most.');
      const about = new URLSearchParams({ name: file.name, author, caption });
      const response = await fetch(`/api/chats/${encodeURIComponent(chat)}/files?${about}`, {
        method: 'POST',
        headers: { 'content-type': file.type || 'application/octet-stream' },
        body: file,
      });
      if (!response.ok) throw new Error((await response.json()).error);
    },
  };
})();
