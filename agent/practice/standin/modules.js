// STAND-IN. The modules that wa-js binds to, by the names of their exports.
//
// Files and changes have theirs in media.js and kinds.js. Features that the driver does not use (stickers, polls, calls …) have no module here;
// wa-js then writes "Module … was not found" to the console, which the driver counts.
'use strict';

(() => {
  const { BaseCollection, BaseModel, Emitter, MsgKey, Wid, me, nameOf, userWid, widOf } = standin;
  const { Chat, ChatCollectionImpl, Contact, ContactCollectionImpl, Msg, MsgCollectionImpl } = standin.classes;
  const nothing = () => {};
  const nothingYet = async () => {};
  const enumOf = (...names) => Object.fromEntries(names.map((name) => [name, name]));

  // --- foundations -------------------------------------------------------------------------
  standin.declareAll({
    WAWebEventEmitter: () => ({ default: Emitter }),
    WAWebBaseModel: () => ({ BaseModel, defineModel: nothing }),
    WAWebBaseCollection: () => ({ BaseCollection }),
    WAWebWid: () => ({ default: Wid }),
    WAWebWidFactory: () => ({
      createWid: widOf,
      createUserWid: userWid,
      createUserWidOrThrow: userWid,
      createWidFromWidLike: widOf,
      isWidlike: (value) => value instanceof Wid,
      toUserWidOrThrow: (wid) => wid,
    }),
    WAWebMsgKey: () => ({ default: MsgKey }),
    WAWebVersion: () => ({ SANITIZED_VERSION_STR: standin.version }),
    WAWebTime: () => ({ unixTime: () => Math.floor(Date.now() / 1000), unixTimeMs: () => Date.now() }),
    WAWebBase64: () => ({ encodeB64: (bytes) => btoa(String.fromCharCode(...bytes)), decodeB64: atob }),
  });

  // --- stores ------------------------------------------------------------------------------
  const statuses = Object.assign(new BaseCollection(), {
    getMyStatus: () => ({ msgs: new BaseCollection() }),
  });
  const calls = Object.assign(new BaseCollection(), { processIncomingCall: nothing });
  standin.declareAll({
    WAWebMsgModel: () => ({ Msg }),
    WAWebChatModel: () => ({ Chat }),
    WAWebContactModel: () => ({ default: Contact }),
    WAWebMsgCollection: () => ({ MsgCollection: standin.messages, MsgCollectionImpl }),
    WAWebChatCollection: () => ({ ChatCollection: standin.chats, ChatCollectionImpl }),
    WAWebContactCollection: () => ({ ContactCollection: standin.contacts, ContactCollectionImpl }),
    WAWebGroupMetadataCollection: () => ({ default: standin.groups }),
    WAWebNewsletterCollection: () => ({ default: new BaseCollection() }),
    WAWebPresenceCollection: () => ({ PresenceCollection: standin.presences }),
    WAWebStatusCollection: () => ({ StatusCollection: statuses }),
    WAWebBlocklistCollection: () => ({ BlocklistCollection: new BaseCollection() }),
    WAWebCallCollection: () => ({ default: calls }),
  });

  // --- connection and identity -------------------------------------------------------------
  const events = new Emitter();
  standin.declareAll({
    WAWebConnModel: () => ({ Conn: standin.connection }),
    WAWebStreamModel: () => ({ Stream: standin.stream }),
    WAWebSocketModel: () => ({ Socket: standin.socket }),
    WAWebNetworkStatus: () => ({ default: standin.network }),
    WAWebSocketConstants: () => ({
      SOCKET_STATE: enumOf(
        'OPENING', 'PAIRING', 'UNPAIRED', 'UNPAIRED_IDLE', 'CONNECTED', 'TIMEOUT', 'CONFLICT',
        'UNLAUNCHED', 'PROXYBLOCK', 'TOS_BLOCK', 'SMB_TOS_BLOCK', 'DEPRECATED_VERSION',
      ),
      SOCKET_STREAM: enumOf('CONNECTED', 'DISCONNECTED'),
      WATCHED_SOCKET_STATE: { OPEN: 'OPEN' },
    }),
    WAWebCmd: () => ({ Cmd: standin.commands, CmdImpl: standin.CmdImpl }),
    WAWebBackendEventBus: () => ({
      BackendEventBus: events,
      BackendEvent: {
        ACCOUNT_TEMPORARILY_BANNED: 'account_temporarily_banned',
        LOGOUT: 'logout',
        OFFLINE_DELIVERY_END: 'offline_delivery_end',
        STORAGE_INITIALIZATION_ERROR: 'storage_initialization_error',
      },
    }),
    WAWebLinkDeviceEvents: () => ({ WAWebLinkDeviceEvents: new Emitter() }),
    WAWebLogoutReason: () => ({
      getErrorCodeFromLogoutReason: nothing,
      setPrevLogoutReasonCode: nothing,
      setPrevCustomLogoutMessage: nothing,
      getPrevLogoutReasonCode: nothing,
      getPrevCustomLogoutMessage: nothing,
    }),
    WAWebLogoutReasonConstants: () => ({
      LogoutReason: { UserInitiated: 'user_initiated', UnknownCompanion: 'unknown_companion' },
      LOGOUT_REASON_CODE: { CLIENT_FATAL: '0' },
    }),
    WAWebLogin: () => ({ isLoggedIn: () => me.linked, isRegistered: () => me.linked }),
    WAWebUserPrefsMeUser: () => ({
      getMaybeMePnUser: () => (me.linked ? me.phone : undefined),
      getMaybeMeLidUser: () => (me.linked ? me.lid : undefined),
      getMePnUserOrThrow: () => me.phone,
      getMeLidUserOrThrow: () => me.lid,
    }),
    WAWebHistorySync: () => ({
      getHistorySyncProgressModel: () => ({ realProgress: 100, remainingPausedSeconds: 0 }),
    }),
  });

  // --- linking -----------------------------------------------------------------------------
  const keyPair = (byte) => ({ pubKey: new Uint8Array(32).fill(byte) });
  standin.declareAll({
    WAWebSignalStore: () => ({
      waSignalStore: { getRegistrationInfo: async () => ({ identityKeyPair: keyPair(1) }) },
    }),
    WAWebNoise: () => ({ waNoiseInfo: { get: async () => ({ staticKeyPair: keyPair(2) }) } }),
    WAWebAdv: () => ({ getADVSecretKey: () => btoa('stand-in'), setADVSignedIdentity: nothing }),
    WAWebAltLinking: () => ({
      genLinkDeviceCodeForPhoneNumber: (phone) => standin.linking.codeFor(phone),
      initializeAltDeviceLinking: nothingYet,
    }),
  });

  // --- people ------------------------------------------------------------------------------
  const people = {
    getPhoneNumber: (lid) => standin.phoneByLid.get(nameOf(lid)),
    getCurrentLid: (phone) => standin.lidByPhone.get(nameOf(phone)),
  };
  standin.declareAll({
    WAWebApiContact: () => ({ lidPnCache: people, ...people }),
    WAWebQueryExists: () => ({
      queryWidExists: async (wid) => ({ wid, biz: false }),
      queryPhoneExists: nothing,
    }),
    WAWebLid: () => ({
      Lid1X1MigrationUtils: {
        isLidMigrated: () => true,
        isSyncdSessionMigrated: () => true,
        shouldApplyNonMigratedMessagingRules: () => false,
      },
    }),
  });

  // --- messages ----------------------------------------------------------------------------
  async function findChat(wid) {
    const id = standin.lidByPhone.get(nameOf(wid)) ?? wid;
    const created = !standin.chats.get(id);
    return { chat: { id: standin.chatOf(id).id }, created };
  }

  const receipts = ['handleStatusSimpleReceipt', 'handleChatSimpleReceipt', 'handleGroupSimpleReceipt'];
  standin.declareAll({
    WAWebAck: () => ({
      ACK: { FAILED: -1, CLOCK: 0, SENT: 1, RECEIVED: 2, READ: 3, PLAYED: 4 },
      ACK_STRING: { SENDER: 'sender' },
      EDIT_ATTR: { SENDER_REVOKE: 7 },
    }),
    WAWebMsgType: () => ({ MSG_TYPE: { CHAT: 'chat', CALL_LOG: 'call_log' }, SYSTEM_MESSAGE_TYPES: [] }),
    WAWebSendMsgResult: () => ({ SendMsgResult: enumOf('OK', 'ERROR_NETWORK') }),
    WAWebEphemeral: () => ({ getEphemeralFields: () => ({}) }),
    WAWebSendMsg: () => ({ addAndSendMsgToChat: standin.addAndSend }),
    WAWebFindChat: () => ({ findOrCreateLatestChat: findChat }),
    WAWebSendSeen: () => ({
      markUnread: nothingYet,
      sendSeen: async (target) => standin.markSeen((target.chat ?? target).id),
    }),
    WAWebChatState: () => ({
      markComposing: async (chat) => standin.markTyping(chat, true),
      markPaused: async (chat) => standin.markTyping(chat, false),
      markRecording: nothingYet,
    }),
    WAWebLinks: () => ({ findFirstWebLink: () => null }),
    WAWebLinkPreview: () => ({
      getLinkPreview: async () => null,
      genMinimalLinkPreview: async () => null,
    }),
    WAWebReply: () => ({ canReplyMsg: () => true, getQuotedMsgObj: () => null }),
    WAWebMsgFind: () => ({
      msgFindBefore: standin.neighbours,
      msgFindAfter: standin.neighbours,
      msgFindByDirection: standin.neighbours,
    }),
    WAWebMsgFindCallLog: () => ({ msgFindCallLog: async () => [] }),
    WAWebSearchContext: () => ({
      getSearchContext: ({ msgKey }) => ({
        collection: Object.assign(new BaseCollection(), { loadAroundPromise: Promise.resolve() }),
        key: msgKey,
      }),
    }),
    WAWebReceipts: () => Object.fromEntries(receipts.map((name) => [name, nothingYet])),
  });
})();
