/* Runs: gallery and table, filters, pages; one run beside them. */
cosmos.pages.runs = (main, page) => {
  const { h, keyed, write, mark, span, ago, many } = cosmos;
  const picked = new Set(JSON.parse(sessionStorage.getItem('cosmos-picked') || '[]'));
  let shown = null;
  const view = () => page.query.view === 'table' ? 'table' : 'gallery';
  const go = changes => page.go({ page: '', ...changes });

  /* Filters */
  const search = h('input', { type: 'search', placeholder: 'Search key, prompt text, label, host', 'aria-label': 'Search', oninput: () => { clearTimeout(search.later); search.later = setTimeout(() => page.go({ q: search.value, page: '' }, { keep: true }), 200); } });
  const select = (name, title) => h('select', { 'aria-label': title, name, onchange: event => go({ [name]: event.target.value }) });
  const selects = { state: 'State', model: 'Model', prompt: 'Prompt', sweep: 'Sweep', label: 'Label', input: 'Input', rating: 'Rating', tag: 'Tag', days: 'Any time' };
  const boxes = Object.fromEntries(Object.entries(selects).map(([name, title]) => [name, select(name, title)]));
  const sort = select('sort', 'Sort');
  const options = (box, first, values, value) => {
    const want = JSON.stringify([first, values, value]);
    if (box.dataset.have === want) return;
    box.dataset.have = want;
    box.replaceChildren(h('option', { value: '' }, first), ...values.map(([key, words]) => h('option', { value: key }, words)));
    if (value && ![...box.options].some(option => option.value === value)) box.append(h('option', { value }, value));
    box.value = value || '';
    box.classList.toggle('set', Boolean(value) && box !== sort);
  };
  const views = h('div.seg', { role: 'group', 'aria-label': 'View' }, ['gallery', 'table'].map(name => h('button', { 'data-view': name, onclick: () => page.go({ view: name === 'gallery' ? '' : name }) }, name === 'gallery' ? 'Gallery' : 'Table')));
  const clear = h('button.plain', { onclick: () => page.go(Object.fromEntries([...Object.keys(selects), 'q', 'page'].map(name => [name, '']))) }, 'Clear');
  const count = h('span.soft', { role: 'status' });

  /* Gallery and table */
  const grid = h('div.grid'), body = h('tbody');
  const columns = [['', ''], ['key', 'Run'], ['state', 'State'], ['rating', 'Rating'], ['model', 'Model'], ['prompt', 'Prompt'], ['', 'Host'], ['', 'Took'], ['date', 'Since'], ['', 'Why']];
  const table = h('div.pane.wide', {}, h('table.runs', {}, h('thead', {}, h('tr', {}, columns.map(([key, title]) => h('th', {}, key ? h('button', { onclick: () => go({ sort: key === 'rating' ? (page.query.sort === '-rating' ? 'rating' : '-rating') : page.query.sort === key ? '-' + key : key }) }, title) : title)))), body));
  const blank = h('div.blank');
  const open = key => page.go({ run: key });
  const pick = row => h('input', { type: 'checkbox', 'aria-label': 'Choose ' + row.key, onchange: event => {
    event.target.checked ? picked.add(row.key) : picked.delete(row.key);
    sessionStorage.setItem('cosmos-picked', JSON.stringify([...picked])); marks();
  } });
  const visit = key => event => { if (!event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); open(key); } };
  const anchor = row => h('a.key', { href: cosmos.run(row.key), title: row.key, onclick: visit(row.key) }, row.key);
  const makeCard = row => {
    const card = h('article.card', {}, h('label.pick', {}, pick(row)), cosmos.shot(row), h('div.text', {}, anchor(row), h('div.sub', {}, h('span.state'), h('span.rated'), h('span'))));
    cosmos.playOver(card);
    return card;
  };
  const updateCard = (card, row) => {
    cosmos.reshot(card.querySelector('.shot'), row);
    mark(card.querySelector('.state'), row.phase);
    write(card.querySelector('.rated'), cosmos.rated(row.rating)); card.querySelector('.rated').title = row.rating ? `rated ${row.rating} of 5` : '';
    write(card.querySelector('.sub').lastChild, row.phase === 'Succeeded' ? span(row.took) : row.host || row.model);
    card.title = row.words;
  };
  const makeRow = row => h('tr.row', {}, h('td', {}, pick(row)), h('td', {}, anchor(row)), h('td', {}, h('span.state')), h('td.rated'), ...[0, 0, 0, 0, 0, 0].map(() => h('td')));
  const updateRow = (line, row) => {
    mark(line.querySelector('.state'), row.phase);
    [cosmos.rated(row.rating), row.model, row.prompt, row.host, span(row.took), ago(row.since), row.words].forEach((text, index) => write(line.children[index + 3], text));
  };
  const marks = () => {
    for (const child of [...grid.children, ...body.children]) {
      const key = child.dataset.key;
      child.classList.toggle('open', key === page.query.run); child.classList.toggle('picked', picked.has(key));
      child.querySelector('input').checked = picked.has(key);
    }
    tray.hidden = !picked.size;
    write(chosen, many(picked.size, 'run') + ' chosen');
    compare.disabled = picked.size < 2 || picked.size > 9;
    compare.title = picked.size > 9 ? 'nine at most' : picked.size < 2 ? 'two at least' : '';
  };
  const chosen = h('span');
  const compare = h('button.main', { onclick: () => { location.href = cosmos.link('/compare', { compare: [...picked].join(',') }); } }, 'Compare');
  const plan = h('button', { onclick: () => { location.href = cosmos.link('/plan', { targets: [...picked].join(',') }); } }, 'Plan these');
  const acts = h('select', { 'aria-label': 'Act on the chosen runs', onchange: () => { const act = acts.value; acts.value = ''; if (act) cosmos.action({ act, keys: [...picked] }); } }, [['', 'Act ...'], ['cancel', 'Cancel'], ['retry', 'Retry'], ['rerun', 'Run again'], ['suspend', 'Suspend'], ['resume', 'Resume']].map(([value, words]) => h('option', { value }, words)));
  const tray = h('div.tray', { hidden: true }, chosen, compare, plan, acts, h('button.plain', { onclick: () => { picked.clear(); sessionStorage.removeItem('cosmos-picked'); marks(); } }, 'Choose none'));

  /* Pages */
  const where = h('span'), back = h('button', { onclick: () => page.go({ page: String(shown.page - 1) }) }, 'Previous'), on = h('button', { onclick: () => page.go({ page: String(shown.page + 1) }) }, 'Next');
  const pages = h('nav.pages', { 'aria-label': 'Pages of runs' }, where, back, on);

  /* One run, by keyboard too: j and k, left and right, Escape, x to choose, / to search */
  const close = cosmos.close(page);
  const step = by => {
    const keys = shown.cards.map(row => row.key), at = keys.indexOf(page.query.run);
    const next = at < 0 ? keys[0] : by > 0 ? keys[at + 1] || shown.after : keys[at - 1] || shown.before;
    if (next) page.go({ run: next, page: keys.includes(next) ? page.query.page : String(shown.page + by) });
  };
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || !shown) return;
    if (event.target.closest('input:not([type=checkbox]), select, textarea, video, dialog')) { if (event.key === 'Escape') event.target.blur(); return; }
    const keys = { j: () => step(1), k: () => step(-1), '/': () => { event.preventDefault(); search.focus(); }, Escape: () => page.query.run && open(''),
      x: () => { const box = [...grid.children, ...body.children].find(child => child.dataset.key === page.query.run)?.querySelector('input'); if (box) box.click(); },
      c: () => { if (!compare.disabled) compare.click(); }, 0: () => close.rate(null) };
    for (const number of [1, 2, 3, 4, 5]) keys[number] = () => close.rate(number);
    if (event.key in keys) keys[event.key]();
  });
  close.step = step;

  const list = h('div', { style: 'min-width:0' }, grid, table, blank, pages, tray), both = h('div', {}, list, close.element);
  const all = h('div', {}, h('div.head', {}, h('h1', {}, 'Runs'), count, h('span.right'), views), h('div.tools', {}, search, Object.values(boxes), sort, clear), both);

  return { draw(data, query) {
    if (!all.isConnected) main.append(all);
    shown = data;
    if (document.activeElement !== search) search.value = query.q || '';
    options(boxes.state, 'Any state', [...Object.entries(data.states).map(([word, number]) => [word, `${word} (${number.toLocaleString('en')})`]), ['OutOfSync', 'Out of sync'], ['Unknown', 'Unknown']], query.state);
    for (const name of ['model', 'prompt', 'sweep', 'label', 'input', 'tag']) {
      options(boxes[name], 'Any ' + name, data.choices[name].map(value => [value, value]), query[name]);
      boxes[name].hidden = data.choices[name].length < (name === 'tag' ? 1 : 2) && !query[name];
    }
    options(boxes.rating, 'Any rating', [['5', '★★★★★ only'], ['4+', '4 and more'], ['3+', '3 and more'], ['2-', '2 and less'], ['rated', 'Rated'], ['unrated', 'Not rated']], query.rating);
    options(boxes.days, 'Any time', [['1', 'Last 24 hours'], ['7', 'Last 7 days'], ['30', 'Last 30 days']], query.days);
    options(sort, 'By name', [['-date', 'Newest first'], ['date', 'Oldest first'], ['-rating', 'Best first'], ['rating', 'Worst first'], ['state', 'By state'], ['model', 'By model'], ['prompt', 'By prompt'], ['-key', 'By name, from the end']], query.sort === 'key' ? '' : query.sort);
    for (const button of views.children) button.setAttribute('aria-pressed', String(button.dataset.view === view()));
    clear.hidden = ![...Object.keys(selects), 'q'].some(name => query[name]);
    write(count, many(data.total, 'run'));
    const isTable = view() === 'table';
    table.hidden = !isTable || !data.cards.length; grid.hidden = isTable || !data.cards.length;
    keyed(grid, isTable ? [] : data.cards, row => row.key, makeCard, updateCard);
    keyed(body, isTable ? data.cards : [], row => row.key, makeRow, updateRow);
    blank.hidden = Boolean(data.cards.length);
    if (!data.cards.length) blank.replaceChildren(...(clear.hidden ? [h('b', {}, 'No runs yet'), 'A document of kind Run below specs/ makes one; the ', h('a.link', { href: '/plan' }, 'plan'), ' then shows it.'] : [h('b', {}, 'No run fits'), h('button', { onclick: () => clear.click() }, 'Clear the filters')]));
    pages.hidden = data.pages < 2;
    write(where, `Page ${data.page} of ${data.pages}`); back.disabled = data.page <= 1; on.disabled = data.page >= data.pages;
    both.className = data.close ? 'with' : '';
    close.draw(data.close);
    marks();
  }, done() {} };
};
