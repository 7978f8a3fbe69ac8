import { m } from '../paraglide/messages.js';

const SYSTEMS: [RegExp, string][] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'Mac'],
  [/Linux/, 'Linux'],
];
const BROWSERS: [RegExp, string][] = [
  [/Coc_Coc|coc_coc/, 'Cốc Cốc'],
  [/Edg/, 'Edge'],
  [/SamsungBrowser/, 'Samsung Internet'],
  [/Firefox|FxiOS/, 'Firefox'],
  [/Chrome|CriOS/, 'Chrome'],
  [/Safari/, 'Safari'],
];
const first = (agent: string, names: [RegExp, string][]): string | undefined => names.find(([is]) => is.test(agent))?.[1];

/** What a browser says of itself (User-Agent), as people call it: “Chrome, Android”. */
export function agentName(agent: string): string {
  const said = [first(agent, BROWSERS), first(agent, SYSTEMS)].filter((name) => name !== undefined);
  return said.length > 0 ? said.join(', ') : agent || m.session_unknown();
}
