// STAND-IN. What the page shows to be linked: a QR that is renewed for a while, or letters to type.
//
// As WhatsApp's server does it, a page gets some references for its QR; when they are used up it
// goes idle until somebody asks for more.
'use strict';

(() => {
  const { commands, connection, socket } = standin;
  const REFERENCES = 6;
  const LETTERS = '123456789ABCDEFGHJKLMNPQRSTVWXYZ';
  const CODES = { account_locked: 3, history_sync_timeout: 2, syncd_failure: 1 };
  let left = 0;
  let timer = 0;

  function nextReference() {
    if (left === 0) {
      socket.state = 'UNPAIRED_IDLE';
      return;
    }
    left -= 1;
    standin.newReference();
    standin.wire.tell('ref', { text: connection.ref });
    timer = setTimeout(nextReference, standin.linking.qrMs);
  }

  function freshCode() {
    const bytes = crypto.getRandomValues(new Uint8Array(8));
    return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('');
  }

  const events = () => standin.load('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents;

  standin.linking = {
    qrMs: 20_000,

    offer() {
      this.stop();
      socket.state = 'UNPAIRED';
      left = REFERENCES;
      nextReference();
    },

    stop() {
      clearTimeout(timer);
      left = 0;
    },

    async codeFor(phone) {
      const code = freshCode();
      await standin.wire.ask('code', { phone: `+${phone}`, code });
      return code;
    },

    renewCode() {
      events().trigger('link_device_events:refresh_alt_linking_code');
    },

    // Says why, as WhatsApp does before it leaves; then the page is loaded anew.
    leave(reason) {
      if (reason) standin.load('WAWebLogoutReason').getErrorCodeFromLogoutReason(reason);
      commands.trigger('logout');
      location.assign(`${location.pathname}?post_logout=1&logout_reason=${CODES[reason] ?? 0}`);
    },
  };
})();
