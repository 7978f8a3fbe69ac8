/** Speech as the platform takes it: 16 kHz, one channel, 16 bit PCM in a WAV file. */

export const RATE = 16_000;
const HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;
const FULL_SCALE = 0x7fff;

export interface Recording {
  wav: Blob;
  seconds: number;
}

/** Samples of -1 to 1 as a WAV file. */
export function wav(samples: Float32Array, rate: number): Blob {
  const bytes = new DataView(new ArrayBuffer(HEADER_BYTES + samples.length * SAMPLE_BYTES));
  const text = (at: number, word: string): void => [...word].forEach((letter, index) => bytes.setUint8(at + index, letter.charCodeAt(0)));
  text(0, 'RIFF');
  bytes.setUint32(4, bytes.byteLength - 8, true);
  text(8, 'WAVEfmt ');
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, rate * SAMPLE_BYTES, true);
  bytes.setUint16(32, SAMPLE_BYTES, true);
  bytes.setUint16(34, 8 * SAMPLE_BYTES, true);
  text(36, 'data');
  bytes.setUint32(40, samples.length * SAMPLE_BYTES, true);
  samples.forEach((value, index) =>
    bytes.setInt16(HEADER_BYTES + index * SAMPLE_BYTES, Math.round(Math.max(-1, Math.min(1, value)) * FULL_SCALE), true),
  );
  return new Blob([bytes.buffer], { type: 'audio/wav' });
}

/** What was recorded or chosen, in whatever form the browser reads, as WAV. Throws when it is no sound. */
export async function asWav(sound: Blob): Promise<Recording> {
  const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await sound.arrayBuffer());
  const mixed = new Float32Array(decoded.length);
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    decoded.getChannelData(channel).forEach((value, index) => (mixed[index] = (mixed[index] ?? 0) + value / decoded.numberOfChannels));
  }
  return { wav: wav(mixed, RATE), seconds: decoded.duration };
}

/** Plays it; gives the way to stop. Without an address of the sound, which the page's policy would have to allow. */
export async function play(recording: Recording, ended: () => void): Promise<() => void> {
  const context = new AudioContext();
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(await recording.wav.arrayBuffer());
  source.connect(context.destination);
  source.onended = () => {
    void context.close();
    ended();
  };
  source.start();
  return () => source.stop();
}
