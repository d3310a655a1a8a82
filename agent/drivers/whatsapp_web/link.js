// Our side of the page, linking: WhatsApp's codes on their way to the agent, and why a link ended.
//
// Runs after page.js. A code is told to the agent and to nobody else: nothing here logs.
(() => {
  'use strict';

  const tell = (event, content) => window.__sakAgentTell({ event, ...content });
  const tellLink = (what, text = null) => tell('link', { what, text });
  const nobodyWaits = () => {}; // what fails is told by an event as well

  function tellQr(code) {
    if (code) tellLink('qr', code.fullCode);
  }

  // wa-js waits for the next one without a limit.
  const renewQr = () => void WPP.conn.refreshQR().catch(nobodyWaits);

  // The present one, while it is worth something.
  async function askQr() {
    const code = await WPP.conn.getAuthCode();
    if (code && !WPP.conn.isIdle()) tellQr(code);
    else renewQr();
  }

  // Another code each time: one that a person asks for again was not at hand. Digits only.
  function askCode(phone) {
    WPP.conn.cancelLinkDeviceCode();
    WPP.conn.startLinkDeviceCodeForPhoneNumber(phone).catch(nobodyWaits);
  }

  const forgetCode = () => WPP.conn.cancelLinkDeviceCode();
  const unlink = () => void WPP.conn.logout().catch(nobodyWaits);

  Object.assign(window.__sakAgent.calls, { askQr, renewQr, askCode, forgetCode, unlink });

  WPP.on('conn.auth_code_change', tellQr);
  WPP.on('conn.qrcode_idle', () => tellLink('idle'));
  WPP.on('conn.link_code_change', (code) => tellLink('code', code));
  WPP.on('conn.link_code_expired', () => tellLink('expired'));
  WPP.on('conn.link_code_error', () => tellLink('failed'));
  WPP.on('conn.logout_reason', (reason) => tell('logout', { reason: String(reason) }));

  // WhatsApp loads itself anew after a logout, and says so in its address.
  const address = new URLSearchParams(location.search);
  if (address.has('post_logout') && !WPP.conn.isAuthenticated()) {
    const code = address.get('logout_reason');
    tell('logout', { reason: code === null ? null : `code_${code}` });
  }
})();
