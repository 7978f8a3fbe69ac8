/** `text` without accents and capitals, as one types in a hurry: “Đặng Thị Tập Ngãi” and “dang thi tap ngai” are one. */
export const fold = (text: string): string =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/đ/g, 'd');

/** Whether every word of `asked` begins a word of one of `texts`. */
export function found(asked: string, ...texts: string[]): boolean {
  const words = ` ${fold(texts.join(' ')).replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')}`;
  return fold(asked)
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .filter(Boolean)
    .every((word) => words.includes(` ${word}`));
}
