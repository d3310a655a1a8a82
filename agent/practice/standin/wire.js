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

  // Resolves when the network acknowledges; never, when it does not. What is pending goes out
  // again when the connection comes back, as long as this page lives.
  function send(fields) {
    return new Promise((resolve) => {
      requests += 1;
      pending.set(requests, { frame: { request: requests, ...fields }, resolve });
      tell('send', { request: requests, ...fields });
    });
  }

  const handlers = {
    async welcome({ device, me }) {
      await standin.session.welcome(device, me);
    },

    async link({ device }) {
      await standin.session.relink(device);
    },

    async history({ messages }) {
      await standin.takeHistory(messages);
    },

    people({ customers, groups }) {
      standin.session.meet(customers, groups);
    },

    caught_up() {
      standin.session.settle();
      pending.forEach(({ frame }) => tell('send', frame));
    },

    async stanza({ stanza }) {
      await standin.takeStanza(stanza);
      tell('stored', { n: stanza.n });
    },

    ack({ request }) {
      pending.get(request)?.resolve();
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

  standin.wire = { connect, send, tell };
})();
