/** Reading QR codes from a camera, by the browser where it can, else by a decoder that is loaded for it. */

type Decoder = (video: HTMLVideoElement) => Promise<string | undefined>;
interface Detector {
  detect: (source: CanvasImageSource) => Promise<{ rawValue: string }[]>;
}
interface DetectorKind {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats: () => Promise<string[]>;
}

const FRAME_MS = 120;
const WIDTH = 640;

async function decoder(): Promise<Decoder> {
  const kind = (globalThis as { BarcodeDetector?: DetectorKind }).BarcodeDetector;
  if (kind && (await kind.getSupportedFormats()).includes('qr_code')) {
    const detector = new kind({ formats: ['qr_code'] });
    return async (video) => (await detector.detect(video))[0]?.rawValue;
  }
  const { default: decode } = await import('qr/decode.js');
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, WIDTH / video.videoWidth);
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    pen?.drawImage(video, 0, 0, canvas.width, canvas.height);
    const image = pen?.getImageData(0, 0, canvas.width, canvas.height);
    try {
      return image && decode(image);
    } catch {
      // No code in this picture.
      return undefined;
    }
  };
}

/** The text of the first code that the camera sees; nothing when `going` no longer holds. */
export async function readCode(video: HTMLVideoElement, going: () => boolean): Promise<string | undefined> {
  const decode = await decoder();
  while (going()) {
    if (video.videoWidth > 0) {
      const text = await decode(video);
      if (text) return text;
    }
    await new Promise((next) => setTimeout(next, FRAME_MS));
  }
  return undefined;
}

export function stopCamera(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** The claim code in what a device's QR code says (`lantoa:claim:<code>:<fingerprint>`, or an address with `code=`). */
export function codeIn(text: string): string {
  return (
    /^lantoa:claim:([^:]+):/i.exec(text)?.[1] ??
    /[?&#]code=([A-Za-z0-9-]+)/.exec(text)?.[1] ??
    /^[A-Z2-9]{4}-?[A-Z2-9]{4}$/.exec(text.trim().toUpperCase())?.[0] ??
    ''
  );
}
