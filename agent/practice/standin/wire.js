// STAND-IN. The page's socket to the practice network (`wire.py` is the other end).
'use strict';

(() => {
  const RETRY_MS = 300;
  const pending = new Map(); // hand-overs without an acknowledgement, by request number
  let socket = null;
  let requests = 0;
  let work = Promise.resolve(); // what came in is worked off in order

  function tell(op, fields = {}) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ op, ...fields }));
  }

  // Resolves when the network acknowledges, fails when it refuses; never, when it says nothing. What
  // is pending goes out again when the connection comes back, as long as this page lives.
  function ask(op, fields) {
    return new Promise((resolve, reject) => {
      requests += 1;
      const frame = { request: requests, ...fields };
      pending.set(requests, { op, frame, resolve, reject });
      tell(op, frame);
    });
  }

  const send = (fields) => ask('send', fields);

  const handlers = {
    async welcome({ device, me, qr_s: qrS }) {
      await standin.session.welcome(device, me, qrS);
    },

    async link({ device, me, reason }) {
      await standin.session.relink(device, me, reason);
    },

    renew_code() {
      standin.linking.renewCode();
    },

    async history({ messages }) {
      await standin.takeHistory(messages);
    },

    people({ customers, groups }) {
      standin.session.meet(customers, groups);
    },

    caught_up() {
      standin.session.settle();
      pending.forEach(({ op, frame }) => tell(op, frame));
    },

    async stanza({ stanza }) {
      await standin.takeStanza(stanza);
      tell('stored', { n: stanza.n });
    },

    ack({ request }) {
      pending.get(request)?.resolve();
      pending.delete(request);
    },

    refuse({ request }) {
      pending.get(request)?.reject(new Error('refused'));
      pending.delete(request);
    },

    typing({ chat, active }) {
      standin.takeTyping(chat, active);
    },

    reload() {
      location.reload();
    },

    conflict({ active }) {
      standin.session.conflict(active);
    },
  };

  function connect() {
    socket = new WebSocket(`ws://${location.host}/wire`);
    socket.onopen = async () => tell('hello', { device: (await standin.vault.session())?.device ?? null });
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      work = work.then(() => handlers[frame.op](frame)).catch((error) => console.error('stand-in', error));
    };
    socket.onclose = () => {
      work = work.then(() => standin.session.lose());
      setTimeout(connect, RETRY_MS);
    };
  }

  standin.wire = { ask, connect, send, tell };
})();
