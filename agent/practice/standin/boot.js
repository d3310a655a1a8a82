// STAND-IN. The globals, last: wa-js waits for them to appear.
'use strict';

(async () => {
  standin.version = '2.3000.1045818043'; // of the WhatsApp Web that this wa-js was made for
  await standin.session.recall();
  window.ErrorGuard = { skipGuardGlobal: () => {} };
  window.importNamespace = standin.load;
  window.importDefault = (id) => standin.load(id).default;
  window.require = standin.load;
  window.__d = standin.declare;
  window.Debug = { VERSION: standin.version };
  standin.wire.connect();
})();
