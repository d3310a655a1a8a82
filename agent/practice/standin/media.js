// STAND-IN. Files: what the page knows of one, how it is fetched, and how it is made ready to go.
'use strict';

(() => {
  const { BaseModel } = standin;
  const CACHED_MAX = 8;
  const cached = new Map(); // blobs by the hash of their content

  // Content that is passed around and only opened at the end.
  class OpaqueData {
    #blob;

    constructor(blob) {
      this.#blob = blob;
    }

    static async createFromData(data, type) {
      return new OpaqueData(new Blob([data], { type }));
    }

    forceToBlob() {
      return this.#blob;
    }

    size() {
      return this.#blob.size;
    }

    type() {
      return this.#blob.type;
    }

    retain() {}
    autorelease() {}
  }

  class MediaData extends BaseModel {}

  async function hashOf(blob) {
    const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
    return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, '0')).join('');
  }

  function cache(hash, blob) {
    if (cached.size >= CACHED_MAX) cached.delete(cached.keys().next().value);
    cached.set(hash, blob);
  }

  function kindOf(mime, options = {}) {
    if (options.asDocument) return 'document';
    if (options.asSticker) return 'sticker';
    if (options.isPtt) return 'ptt';
    const [family] = mime.split('/');
    return ['image', 'video', 'audio'].includes(family) && mime !== 'image/svg+xml' ? family : 'document';
  }

  // A message's own attributes of its file, and the model that stands for the content.
  standin.describeFile = ({ kind, mime, size, name, seconds, hash, blob }) => ({
    type: kind,
    mimetype: mime,
    size,
    filename: name ?? undefined,
    duration: seconds ?? undefined,
    filehash: hash,
    mediaData: new MediaData({
      type: kind,
      mimetype: mime,
      size,
      filename: name ?? undefined,
      filehash: hash,
      mediaBlob: blob && new OpaqueData(blob),
      mediaStage: blob ? 'RESOLVED' : 'INIT',
    }),
  });

  standin.fileKind = kindOf;

  // Nothing comes back for a file that is gone; a line that is down raises.
  standin.download = async (message) => {
    const answer = await fetch(`/media/${message.filehash}`);
    if (answer.status === 404) {
      message.mediaData.mediaStage = 'ERROR_MISSING';
      return;
    }
    if (!answer.ok) throw new Error(`the network answered ${answer.status}`);
    const blob = new Blob([await answer.arrayBuffer()], { type: message.mimetype });
    cache(message.filehash, blob);
    message.mediaData.mediaStage = 'RESOLVED';
  };

  async function uploadMedia({ mediaBlob }) {
    const answer = await fetch('/media', { method: 'POST', body: mediaBlob.forceToBlob() });
    if (!answer.ok) throw new Error(`the network answered ${answer.status}`);
    return { filehash: (await answer.json()).sha256 };
  }

  // A file on its way out: looked at first, then sent as a message.
  class Prepared {
    constructor(data, options) {
      const mime = data.type();
      this._kind = kindOf(mime, options);
      this._ready = this.#read(data, mime);
    }

    async #read(data, mime) {
      const blob = data.forceToBlob();
      const about = { kind: this._kind, mime, size: blob.size, hash: await hashOf(blob), blob };
      this._mediaData = standin.describeFile(about).mediaData;
    }

    async waitForPrep() {
      await this._ready;
      return this._mediaData;
    }

    async sendToChat({ chat, options }) {
      await this._ready; // whoever waits for the message listens from here on
      return standin.addAndSendFile(chat, this._mediaData, options);
    }
  }

  standin.declareAll({
    WAWebOpaqueData: () => ({ default: OpaqueData }),
    WAWebMediaPrep: () => ({
      MediaPrep: Prepared,
      prepRawMedia: (data, options) => new Prepared(data, options),
      uploadProductImage: async () => {},
    }),
    WAWebUploadMedia: () => ({ uploadMedia }),
    WAWebMediaGatingUtils: () => ({ getUploadLimit: () => 67_108_864 }),
    WAWebMediaInMemoryBlobCache: () => ({
      InMemoryMediaBlobCacheImpl: Map,
      InMemoryMediaBlobCache: cached,
    }),
  });
})();
