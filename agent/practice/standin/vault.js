// STAND-IN. The page's own durable store (IndexedDB), which outlives the browser but not its profile.
'use strict';

(() => {
  const opened = new Promise((resolve, reject) => {
    const request = indexedDB.open('standin', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('messages', { keyPath: 'id' });
      request.result.createObjectStore('session');
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  function answerOf(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  // Strict durability: after the promise resolves, the rows survive a kill of the browser.
  async function write(storeName, change) {
    const transaction = (await opened).transaction(storeName, 'readwrite', { durability: 'strict' });
    const finished = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = () => reject(transaction.error);
    });
    change(transaction.objectStore(storeName));
    await finished;
  }

  function rowOf(message) {
    const { id, from, to, author, type, body, t, ack, quotedStanzaID } = message;
    const { caption, mimetype, size, filename, duration, filehash } = message;
    const { lat, lng, loc, vcardFormattedName, vcardList, revokeTimestamp } = message;
    const { latestEditMsgKey, latestEditSenderTimestampMs } = message;
    return {
      id: id.toString(),
      from: from.toString(),
      to: to.toString(),
      author: author?.toString(),
      type,
      body,
      t,
      ack,
      quotedStanzaID,
      caption,
      mimetype,
      size,
      filename,
      duration,
      filehash,
      lat,
      lng,
      loc,
      vcardFormattedName,
      vcardList,
      revokeTimestamp,
      latestEditMsgKey: latestEditMsgKey?.toString(),
      latestEditSenderTimestampMs,
    };
  }

  standin.vault = {
    async messages() {
      return answerOf((await opened).transaction('messages').objectStore('messages').getAll());
    },

    async save(messages) {
      await write('messages', (store) => messages.forEach((m) => store.put(rowOf(m))));
    },

    // {device, me} once this browser was linked.
    async session() {
      return answerOf((await opened).transaction('session').objectStore('session').get('session'));
    },

    async setSession(session) {
      await write('session', (store) => store.put(session, 'session'));
    },

    async wipe() {
      await write('messages', (store) => store.clear());
      await write('session', (store) => store.clear());
    },
  };
})();
