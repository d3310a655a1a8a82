// STAND-IN. Whether the page is linked, on line, in conflict: the states that the driver watches.
'use strict';

(() => {
  const { commands, connection, me, network, pair, socket, stream, vault, widOf } = standin;
  standin.customers = new Map();

  function identify(identity) {
    me.phone = widOf(identity.phone);
    me.lid = widOf(identity.lid);
    pair(identity.phone, identity.lid);
  }

  function askForLink() {
    me.linked = false;
    connection.connected = false;
    stream.info = 'PAIRING';
    stream.mode = 'QR';
    standin.linking.offer();
    standin.view.draw();
  }

  function enter() {
    standin.linking.stop();
    me.linked = true;
    connection.connected = true;
    connection.wid = me.phone;
    socket.state = 'CONNECTED';
    stream.info = 'NORMAL';
    stream.mode = 'SYNCING';
    standin.view.draw();
  }

  standin.session = {
    // What is known before the network answers.
    async recall() {
      const session = await vault.session();
      if (!session) return;
      identify(session.me);
      me.linked = true;
      await standin.recall();
    },

    async welcome(device, identity, qrS) {
      network.online = true;
      standin.linking.qrMs = qrS * 1000;
      const session = await vault.session();
      if (session && session.device !== device) await vault.wipe();
      identify(identity);
      if (device === null) {
        askForLink();
        return;
      }
      await vault.setSession({ device, me: identity });
      enter();
    },

    // The owner's phone linked this browser, or ended the link.
    async relink(device, identity, reason) {
      if (device === null) {
        await vault.wipe();
        standin.linking.leave(reason);
        return;
      }
      identify(identity);
      await vault.setSession({ device, me: identity });
      enter();
      this.settle();
    },

    meet(customers, groups) {
      for (const customer of customers) {
        standin.customers.set(customer.id, customer);
        standin.meet(customer);
      }
      for (const group of groups) standin.chatOf(group.chat, group.name);
      standin.view.draw();
    },

    settle() {
      if (!me.linked) return;
      commands.isMainLoaded = true;
      commands.trigger('main_loaded');
      stream.mode = 'MAIN';
      standin.view.draw();
    },

    lose() {
      network.online = false;
      if (!me.linked) return;
      socket.state = 'OPENING';
      stream.mode = 'OFFLINE';
      standin.view.draw();
    },

    conflict(active) {
      if (!me.linked) return;
      socket.state = active ? 'CONFLICT' : 'CONNECTED';
      stream.mode = active ? 'CONFLICT' : 'MAIN';
      standin.view.draw();
    },
  };
})();
