import { describe, expect, it } from 'vitest';
import { fromPlain, isAddress, read, spokenSeconds, toHtml, toPlain, type NodeLike } from '../src/lib/richtext';

type Given = string | [string, Record<string, string>, ...Given[]];

/** A tree as the browser would hand it over. */
function tree(given: Given): NodeLike {
  if (typeof given === 'string') return { nodeType: 3, nodeName: '#text', nodeValue: given, childNodes: [] };
  const [nodeName, attributes, ...children] = given;
  return { nodeType: 1, nodeName, nodeValue: null, childNodes: children.map(tree), getAttribute: (name) => attributes[name] ?? null };
}
const html = (...children: Given[]): string => toHtml(read(tree(['BODY', {}, ...children])).parts);
const SHA = 'ab'.repeat(32);

describe('what was typed', () => {
  it('becomes headings, paragraphs, lists, links and pictures in content’s own form', () => {
    expect(
      html(
        ['H1', {}, 'Cần mang theo'],
        ['UL', {}, ['LI', {}, 'Sổ ', ['B', {}, 'tiêm chủng']], ['LI', {}, ['P', {}, 'Thẻ'], ['P', {}, 'y tế']]],
        ['DIV', {}, 'Xem ', ['A', { href: 'https://a.vn/?b=1&c=2' }, 'ở đây'], '.', ['BR', {}], ' Trân trọng! ', ['BR', {}]],
        ['FIGURE', {}, ['IMG', { 'data-src': `pictures/${SHA}`, src: 'data:x', alt: ' Chợ "Cầu Kè" ' }]],
      ),
    ).toBe(
      `<h2>Cần mang theo</h2>\n<ul>\n<li>Sổ <strong>tiêm chủng</strong></li>\n<li>Thẻ y tế</li>\n</ul>\n` +
        `<p>Xem <a href="https://a.vn/?b=1&amp;c=2">ở đây</a>.<br>Trân trọng!</p>\n` +
        `<figure><img src="pictures/${SHA}" alt="Chợ &quot;Cầu Kè&quot;"></figure>`,
    );
  });

  it('carries no script, style, foreign picture or address that runs something', () => {
    const { parts, lost } = read(
      tree(['BODY', {}, ['SCRIPT', {}, 'x'], ['STYLE', {}, 'y'], ['P', { onclick: 'z' }, ['A', { href: 'javascript:x' }, 'a'], ['IMG', { src: 'file:///c:/b.png' }]]]),
    );
    expect(toHtml(parts)).toBe('<p>a</p>');
    expect(lost).toBe(1);
    expect(['javascript:x', '//evil.example', 'data:text/html,x', 'https://a b'].map(isAddress)).toEqual([false, false, false, false]);
    expect(['https://a.vn', 'mailto:a@b.vn', 'tel:+84901'].map(isAddress)).toEqual([true, true, true]);
  });

  it('is composed, without control signs, and keeps what Khmer needs', () => {
    expect(html('Tie\u0302\u0301ng\u00a0Vie\u0323\u0302t\u0007')).toBe('<p>Tiếng Việt</p>');
    expect(html(['P', {}, 'សូម\u200bបង'])).toBe('<p>សូម\u200bបង</p>');
  });
});

describe('what Word puts on the clipboard', () => {
  const entry = (mark: string, text: string): Given => [
    'P', { class: 'MsoListParagraphCxSpMiddle', style: 'text-indent:-18.0pt;mso-list:l0 level1 lfo1' },
    ['SPAN', { style: 'mso-list:Ignore' }, mark, ['SPAN', {}, '\u00a0\u00a0 ']], ['SPAN', { lang: 'VI' }, text],
  ];

  it('has lists that are drawn as paragraphs', () => {
    expect(html(entry('·', 'Một'), entry('·', 'Hai'))).toBe('<ul>\n<li>Một</li>\n<li>Hai</li>\n</ul>');
    expect(html(entry('1.', 'Một'), entry('2.', 'Hai'))).toBe('<ol>\n<li>Một</li>\n<li>Hai</li>\n</ol>');
  });

  it('has bold as a style, and normal text in bold', () => {
    expect(html(['P', { class: 'MsoNormal' }, ['SPAN', { style: 'font-size:14.0pt;font-weight:bold' }, 'Đậm'], ' nhạt', ['O:P', {}, '\u00a0']])).toBe(
      '<p><strong>Đậm</strong> nhạt</p>',
    );
    expect(html(['B', { style: 'font-weight:normal' }, ['P', {}, 'nhạt']])).toBe('<p>nhạt</p>');
  });
});

describe('what is heard', () => {
  it('has content’s marks and comes back as it was', () => {
    const body = 'Kính gửi bà con.\n\n# Cần mang theo\n\n- Sổ\n- Thẻ\n\nHết.';
    expect(toPlain(fromPlain(body))).toBe(body);
    expect(toPlain(fromPlain('một\nhai\n\n- a\n- b\nba'))).toBe('một hai\n\n- a\n- b\n\nba');
  });

  it('takes a minute for six hundred signs', () => {
    expect(spokenSeconds('a'.repeat(100), 'b'.repeat(500))).toBe(60);
  });
});
