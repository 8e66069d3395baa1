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
  const all = h('div', {}, h('div.head', {}, h('h1', {}, 'Compare'), h('span.soft')), missing, blank, grid, wipe, bar, table);
  setWipe(false);
  let have = '';

  return { draw(data) {
    if (!all.isConnected) main.append(all);
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
