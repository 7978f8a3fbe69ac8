/** Pictures on this phone: made small as soon as they are chosen, and kept until content has them. */

const NAME = 'lantoa.pictures';
const STORE = 'pictures';
const LONGEST_SIDE = 1280;
const QUALITY = 0.85;

/** Where the browser keeps nothing for us (a private window), they last as long as the page. */
const here = new Map<string, Blob>();

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('indexedDB'));
  });
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error('indexedDB'));
    });
  } finally {
    database.close();
  }
}

/** Keeps a picture; its name for the text, `local:…`. */
export async function keepPicture(file: Blob): Promise<string> {
  const name = `local:${crypto.randomUUID()}`;
  here.set(name, file);
  // As bytes: some browsers keep no blobs.
  const data = await file.arrayBuffer();
  await within('readwrite', (store) => store.put({ type: file.type, data }, name)).catch(() => undefined);
  return name;
}

/** A kept picture, or undefined when it is on another phone. */
export async function keptPicture(name: string): Promise<Blob | undefined> {
  const known = here.get(name);
  if (known) return known;
  const found = await within<{ type: string; data: ArrayBuffer } | undefined>('readonly', (store) => store.get(name)).catch(() => undefined);
  return found && new Blob([found.data], { type: found.type });
}

export async function dropPictures(names: Iterable<string>): Promise<void> {
  for (const name of names) {
    here.delete(name);
    await within('readwrite', (store) => store.delete(name)).catch(() => undefined);
  }
}

/** A chosen file as a small upright JPEG: a phone's five megabytes would take minutes over a weak line. */
export async function shrunk(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  if (!context) throw new Error('canvas');
  // What lets the ground shine through stands on white, not on the black of a JPEG.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve, reject) =>
    canvas.toBlob((made) => (made ? resolve(made) : reject(new Error('canvas'))), 'image/jpeg', QUALITY),
  );
}

/** A picture as an address that the page's policy allows. */
export const dataUrl = (file: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error('file'));
    reader.readAsDataURL(file);
  });
