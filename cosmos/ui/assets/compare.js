/* Compare: results along the axes of their sweep, played as one. */
cosmos.pages.compare = (main, page) => {
  const { h, keyed, write } = cosmos;
  const grid = h('div.cmp'), wipe = h('div.wipe', { hidden: true }), table = h('div.pane.wide'), blank = h('div.blank'), missing = h('div.note', { hidden: true });
  const stage = cosmos.stage(() => [...(wipe.hidden ? grid : wipe).querySelectorAll('video')]), { pause, seek, lead } = stage;

  const sides = [0, 1].map(index => h('select', { 'aria-label': index ? 'Right side' : 'Left side', onchange: () => drawWipe() }));
  const edge = h('input', { type: 'range', min: '0', max: '100', value: '50', 'aria-label': 'Where left meets right', hidden: true, oninput: () => cut() });
  const ab = h('button', { 'aria-pressed': 'false', onclick: () => setWipe(wipe.hidden) }, 'A/B');
  const bar = h('div.play', {}, stage.controls, ab, sides, edge);

  let cells = [];
  const video = url => Object.assign(h('video', { src: url, preload: 'auto', playsinline: true, onloadedmetadata: stage.show }), { muted: true });
  const setWipe = on => { pause(); wipe.hidden = !on; grid.hidden = on; edge.hidden = !on; for (const side of sides) side.hidden = !on; ab.setAttribute('aria-pressed', String(on)); if (on) drawWipe(); };
  const drawWipe = () => {
    const at = lead()?.currentTime || 0, [left, right] = sides.map(side => cells.find(cell => cell.key === side.value));
    if (!left || !right) return;
    wipe.replaceChildren(video(right.video), video(left.video), h('div.edge'), h('span', { style: 'left:8px' }, left.key), h('span', { style: 'right:8px' }, right.key));
    cut(); seek(at);
  };
  const cut = () => { const place = edge.value; if (wipe.children.length) { wipe.children[1].style.clipPath = `inset(0 ${100 - place}% 0 0)`; wipe.querySelector('.edge').style.left = place + '%'; } };
  wipe.addEventListener('pointermove', event => { if (event.buttons || event.pointerType === 'mouse') { const box = wipe.getBoundingClientRect(); edge.value = String(Math.max(0, Math.min(100, (event.clientX - box.left) / box.width * 100))); cut(); } });

  const cell = row => h('figure.cell', {}, row.video ? video(row.video) : h('div.shot.none', {}, h('span.faint', {}, 'no result yet')), h('figcaption', {}, h('a.key', { href: row.key === 'original' ? row.video : cosmos.run(row.key), title: row.key }, row.key), row.phase ? cosmos.state(row.phase) : '', row.phase ? h('button.plain', { style: 'height:18px', 'aria-label': 'Leave out ' + row.key, onclick: () => page.go({ compare: (page.query.compare || '').split(',').filter(key => key !== row.key).join(',') }) }, '×') : ''));
  /* Which settings win: a bar for the mean rating of each value, drawn by us. */
  const scope = h('select', { 'aria-label': 'Runs whose ratings count', onchange: () => page.go({ wins: scope.value }) }), rated = h('span.soft'), plots = h('div.plots');
  const wins = h('section.pane.wins', {}, h('h2', {}, 'Which settings win', rated, h('span.right', {}, scope)), plots);
  const svg = (tag, attributes, ...children) => { const element = document.createElementNS('http://www.w3.org/2000/svg', tag); for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value); element.append(...children); return element; };
  const plot = setting => {
    const row = 22, left = 118, wide = 176, height = setting.values.length * row + 18, at = mean => left + (mean / 5) * wide;
    const told = value => value.mean === null ? 'not rated' : `${value.mean.toFixed(1)} (${cosmos.many(value.rated, 'rating')})`;
    const named = text => text === '-' ? 'not set' : text, short = text => text.length > 18 ? text.slice(0, 17) + '…' : text;
    return h('figure', {}, h('figcaption', {}, h('b', {}, setting.name), h('span.faint', {}, setting.more ? ` ${setting.more} more values` : '')),
      svg('svg', { viewBox: `0 0 ${left + wide + 96} ${height}`, role: 'img', 'aria-label': `Mean rating by ${setting.name}: ` + setting.values.map(value => `${named(value.value)} ${told(value)}`).join(', ') },
        ...[1, 2, 3, 4, 5].flatMap(mean => [svg('line', { class: 'rule', x1: at(mean), x2: at(mean), y1: 0, y2: height - 16 }), svg('text', { class: 'tick', x: at(mean), y: height - 4, 'text-anchor': 'middle' }, String(mean))]),
        ...setting.values.flatMap((value, index) => [
          svg('text', { x: left - 8, y: index * row + 15, 'text-anchor': 'end' }, short(named(value.value)), svg('title', {}, value.value)),
          svg('rect', { class: 'ground', x: left, y: index * row + 4, width: wide, height: row - 8, rx: 3 }),
          ...(value.mean === null ? [] : [svg('rect', { class: value.mean === setting.values[0].mean ? 'best' : 'mean', x: left, y: index * row + 4, width: Math.max(2, at(value.mean) - left), height: row - 8, rx: 3 })]),
          svg('text', { class: 'told', x: left + wide + 8, y: index * row + 15 }, told(value))])));
  };
  const drawWins = data => {
    const want = JSON.stringify(data);
    if (wins.dataset.have === want) return;
    wins.dataset.have = want;
    const one = data.of.length === 1 ? data.of[0] : '';
    scope.replaceChildren(...[...(page.query.wins ? [] : [['', one ? one : data.of.length ? 'Sweeps of these' : 'All runs']]), ['*', 'All runs'], ...data.sweeps.map(name => [name, name])].filter(([value, words], index, list) => list.findIndex(other => other[1] === words) === index).map(([value, words]) => h('option', { value }, words)));
    scope.value = page.query.wins || '';
    write(rated, ` ${data.rated.toLocaleString('en')} of ${cosmos.many(data.runs, 'run')} rated`);
    plots.replaceChildren(...(data.settings.length ? data.settings.slice(0, 12).map(plot) : [h('p.empty', {}, data.rated ? 'The rated runs do not differ in any setting.' : 'No run of these is rated yet. ', data.rated ? '' : h('a.link', { href: cosmos.link('/runs', { state: 'Succeeded', rating: 'unrated', sweep: one }) }, 'Rate some'), data.rated ? '' : ': open one and press 1 to 5.')]));
  };
  const all = h('div', {}, h('div.head', {}, h('h1', {}, 'Compare'), h('span.soft')), missing, blank, grid, wipe, bar, table, wins);
  setWipe(false);
  let have = '';

  return { draw(data) {
    if (!all.isConnected) main.append(all);
    drawWins(data.wins);
    const some = data.cards.length > 0;
    blank.hidden = some; bar.hidden = table.hidden = !some;
    if (!some) { grid.replaceChildren(); blank.replaceChildren(h('b', {}, 'Nothing to compare yet'), 'Choose two to nine ', h('a.link', { href: '/runs?state=Succeeded' }, 'runs'), ' and press Compare.'); }
    write(all.querySelector('.head .soft'), some ? cosmos.many(data.cards.length, 'run') + (data.across.name ? ' · across ' + data.across.name + (data.down.name ? ', down ' + data.down.name : '') : '') : '');
    missing.hidden = !data.missing.length;
    missing.replaceChildren(h('p', {}, 'Not there: ' + data.missing.join(', ')), h('p', {}, 'The specs may have changed since this link was made.'));
    const want = JSON.stringify([data.cards.map(row => [row.key, row.video, row.phase]), data.original]);
    if (some && want !== have) { // a refresh that changes nothing leaves what plays alone
      have = want; pause();
      cells = [...(data.original ? [{ key: 'original', video: data.original }] : []), ...data.cards.filter(row => row.video)];
      const across = data.across.values, down = data.down.values, original = data.original ? cell({ key: 'original', video: data.original }) : '';
      const at = (right, below) => data.cards.find(row => row.at[0] === right && row.at[1] === below);
      if (across.length > 1) {
        grid.className = 'cmp axes';
        grid.style.gridTemplateColumns = `minmax(64px, max-content) repeat(${across.length}, minmax(180px, 1fr))`;
        grid.replaceChildren(h('span'), ...across.map(value => h('span.axis', {}, data.across.name + ' ', h('b', {}, value))),
          ...(down.length ? down : ['']).flatMap(below => [h('span.axis', {}, data.down.name ? data.down.name + ' ' : '', h('b', {}, below)), ...across.map(right => { const row = at(right, below); return row ? cell(row) : h('span'); })]),
          ...(original ? [h('span.axis', {}, 'input'), original] : []));
      } else {
        grid.className = 'cmp flat';
        const number = data.cards.length + (original ? 1 : 0);
        grid.style.gridTemplateColumns = `repeat(${number <= 2 ? number : number <= 4 ? 2 : 3}, minmax(0, 1fr))`;
        grid.replaceChildren(...[original, ...data.cards.map(cell)].filter(Boolean));
      }
      sides.forEach((side, index) => { const was = side.value; side.replaceChildren(...cells.map(one => h('option', { value: one.key }, one.key))); side.value = cells.some(one => one.key === was) ? was : cells[Math.min(index, cells.length - 1)]?.key; });
      ab.disabled = cells.length < 2;
      if (!wipe.hidden) drawWipe();
    }
    table.replaceChildren(data.differing.length
      ? h('table.diff', {}, h('thead', {}, h('tr', {}, h('th', {}, 'Differs in'), data.cards.map(row => h('th', {}, row.key)))), h('tbody', {}, data.differing.map(one => h('tr', {}, h('th', {}, one.name), one.values.map(value => h('td', {}, value))))))
      : h('p.empty', { style: 'padding-top:12px' }, some ? 'They do not differ in any setting.' : ''));
  }, done() {} };
};
