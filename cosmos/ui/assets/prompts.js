/* Prompts: a table, one of them beside it, and the editor above both. */
cosmos.pages.prompts = (main, page) => {
  const { h, keyed, write, mark, many, span } = cosmos;
  let shown = null;
  const closed = { prompt: '', edit: '', new: '', copy: '', scene: '', of: '', file: '' };
  const open = name => editor.isDirty() ? editor.discard() : page.go({ ...closed, prompt: name });
  const start = query => page.go({ ...closed, ...query });
  const filters = cosmos.filters(page, 'Search name, text, label, scene', { label: 'Any label', input: 'Any scene', kind: 'Original or enhanced', use: 'With or without runs' });
  const pager = cosmos.pager(page, 'Pages of prompts'), count = h('span.soft', { role: 'status' }), missing = h('div.note', { hidden: true }), problems = h('div.note.bad', { hidden: true });
  const fresh = h('button.main', { title: 'New prompt (n)', onclick: () => start({ new: 'prompt' }) }, 'New prompt');

  const body = h('tbody'), blank = h('div.blank');
  const sorts = { name: 'Prompt', runs: 'Runs', rating: 'Rating' };
  const head = (key, title, kind) => h('th' + (kind ? '.' + kind : ''), {}, key ? h('button', { onclick: () => page.go({ sort: page.query.sort === '-' + key ? key : '-' + key, page: '' }) }, title) : title);
  const table = h('div.pane', {}, h('table.prompts', {}, h('thead', {}, h('tr', {}, head('name', sorts.name), head('', 'Labels', 'labels'), head('', 'Scene', 'scene'), head('runs', sorts.runs), head('rating', sorts.rating))), body));
  const make = row => h('tr.row', {}, h('td', {}, h('a.key', { href: cosmos.link('/prompts', { prompt: row.name }), onclick: cosmos.visit(() => open(row.name)) }, row.name), h('span.chip.enhanced', { hidden: true }, 'enhanced'), h('p.soft.clip')), h('td.labels'), h('td.scene'), h('td'), h('td.stars'));
  const update = (line, row) => {
    const [first, labels, scene, runs, rating] = line.children;
    first.querySelector('.chip').hidden = !row.parent; first.querySelector('.chip').title = row.parent ? 'made of ' + row.parent : '';
    write(first.querySelector('p'), row.text);
    labels.replaceChildren(h('div.chips', {}, row.labels.map(label => h('a.chip', { href: cosmos.link('/prompts', { label }), onclick: cosmos.visit(() => page.go({ label, page: '' })) }, label))));
    scene.replaceChildren(...(row.scenes.length ? row.scenes.map(name => h('a.link', { href: cosmos.link('/inputs', { input: name }) }, name)) : [h('span.faint', {}, row.inputs || '-')]));
    const good = row.phases.Succeeded || 0, bad = row.phases.Failed || 0;
    runs.replaceChildren(row.runs ? h('a.link', { href: cosmos.link('/runs', { prompt: row.name }), title: Object.entries(row.phases).map(([phase, number]) => `${number} ${phase}`).join(', ') }, good === row.runs ? String(row.runs) : `${good}/${row.runs}`) : h('span.faint', {}, '0'), bad ? h('span.state.Failed', { style: 'margin-left:8px' }, `${bad} failed`) : '');
    write(rating, row.rating === null ? '' : cosmos.stars(row)); rating.title = row.rated ? `of ${many(row.rated, 'rated run')}` : '';
    line.classList.toggle('open', row.name === page.query.prompt);
  };

  /* One prompt */
  const title = h('h2'), words = h('p.text'), negative = h('p.faint'), labels = h('div.chips'), facts = h('dl.kv'), made = h('div.ins'), more = h('p'), children = h('div.chips'), texts = h('div'), written = h('pre.diff');
  const section = (name, ...children) => h('section.sec', {}, h('h3', {}, name), ...children);
  const step = by => { const next = cosmos.step(shown.rows.map(row => row.name), page.query.prompt, by); if (next) open(next); };
  const buttons = { edit: h('button.main', { title: 'Edit (e)', onclick: () => page.go({ edit: '1' }) }, 'Edit'), copy: h('button', { onclick: () => start({ new: 'prompt', copy: page.query.prompt }) }, 'Copy'), enhance: h('button', { title: 'A model looks at the scene and writes a better text; you read it before it is used', onclick: () => cosmos.edit({ make: 'add', text: shown.close.enhance }, { title: 'Enhance' }) }, 'Enhance'),
    run: h('button', { title: 'A run makes a result of this prompt', onclick: () => start({ new: 'run', of: page.query.prompt }) }, 'New run'), remove: h('button', { onclick: () => cosmos.edit({ make: 'remove', name: 'prompt/' + shown.close.name, seen: shown.close.seen }, { saved: () => open('') }) }, 'Delete') };
  const family = section('Enhanced from it', children), proposals = section('Texts to accept', texts), results = section('Runs', made, more);
  const close = h('aside.pane.close', { hidden: true, 'aria-label': 'The open prompt' },
    h('div.top', {}, title, h('button.plain', { title: 'Previous (k)', 'aria-label': 'Previous prompt', onclick: () => step(-1) }, '‹'), h('button.plain', { title: 'Next (j)', 'aria-label': 'Next prompt', onclick: () => step(1) }, '›'), h('button.plain', { title: 'Close (Escape)', 'aria-label': 'Close', onclick: () => open('') }, '×')),
    h('div.sec.row', {}, Object.values(buttons)), h('section.sec', {}, words, negative, labels), h('section.sec', {}, facts), proposals, results, family, section('As it is written', written));
  const read = async (box, url) => { const answer = await fetch(url); box.textContent = answer.ok ? await answer.text() : 'It could not be read: ' + answer.status; };
  const proposal = one => { const box = h('p.text', {}, '...'); read(box, one.url); return h('div.proposal', {}, box, h('div.row', {}, h('a.link', { href: cosmos.run(one.run) }, one.run), h('span.right'), h('button', { 'aria-label': 'Accept the text of ' + one.run, onclick: () => cosmos.edit({ make: 'accept', run: one.run }) }, 'Accept as a prompt'))); };
  const details = data => {
    close.hidden = !data;
    if (!data) return;
    const row = data.row, spec = data.spec;
    write(title, data.name); write(words, spec.text ?? ''); write(negative, spec.negative ? 'not: ' + spec.negative : '');
    labels.replaceChildren(...Object.entries(spec.labels || {}).map(([key, value]) => h('a.chip', { href: cosmos.link('/prompts', { label: `${key}=${value}` }), onclick: cosmos.visit(() => page.go({ label: `${key}=${value}`, page: '' })) }, `${key}=${value}`)));
    const pairs = [['file', `${data.path}:${data.line}`], ['scene', row?.scenes.length ? row.scenes.map(name => h('a.link', { href: cosmos.link('/inputs', { input: name }) }, name)) : row?.inputs || 'none'],
      ['rating', row?.rated ? `${cosmos.stars(row)} of ${many(row.rated, 'rated run')}` : 'no run is rated'], ...(row?.parent ? [['made of', h('a.link', { href: cosmos.link('/prompts', { prompt: row.parent }) }, row.parent)]] : [])];
    facts.replaceChildren(...pairs.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
    keyed(made, data.made, one => one.key, () => h('figure', {}, cosmos.shot({}), h('figcaption', {}, h('a.link'), h('br'), h('span.state'), ' ', h('span.stars'))), (item, one) => {
      cosmos.reshot(item.querySelector('.shot'), one); mark(item.querySelector('.state'), one.phase); write(item.querySelector('.stars'), cosmos.stars(one));
      const link = item.querySelector('a'); link.href = cosmos.run(one.key); write(link, one.key.split('/').pop()); link.title = one.key;
    });
    more.replaceChildren(...(data.total ? [h('a.link', { href: cosmos.link('/runs', { prompt: data.name }) }, `See ${many(data.total, 'run')} in full`)] : [h('span.soft', {}, 'None yet. '), h('a.link', { href: cosmos.link('/prompts', { new: 'run', of: data.name }), onclick: cosmos.visit(() => start({ new: 'run', of: data.name })) }, 'Add a run'), h('span.soft', {}, ' that makes something of it.')]));
    proposals.hidden = !data.texts.length; keyed(texts, data.texts, one => one.url, proposal, () => {});
    family.hidden = !data.children.length; children.replaceChildren(...data.children.map(name => h('a.chip', { href: cosmos.link('/prompts', { prompt: name }) }, name)));
    write(written, data.yaml.replace(/\n$/, ''));
  };

  const editor = cosmos.editor({
    leave: () => page.go({ edit: '', new: '', copy: '', scene: '', of: '', file: '' }),
    saved: (done, was) => { const name = /^(?:Add|Edit) prompt (\S+)$/.exec(done.subject); const now = was.named(); if (was.isRun) location.href = '/plan'; else page.go({ ...closed, prompt: now || (name ? name[1] : '') }); },
  });
  const task = (data, query) => {
    const common = { scenes: data.inputs, named: () => /^name:\s*["']?([a-z0-9-]+)/m.exec(editor.element.querySelector('.code').value)?.[1] };
    if (query.new && data.fresh) return { ...common, id: JSON.stringify([query.new, query.copy, query.scene, query.of]), title: query.new === 'run' ? 'New run' : query.copy ? `New prompt, as ${query.copy}` : 'New prompt', path: '', yaml: data.fresh, seen: '', isNew: true, isRun: query.new === 'run', change: text => ({ make: 'add', text }) };
    if (query.edit && data.close?.seen) return { ...common, id: 'prompt/' + data.close.name, title: 'Edit ' + data.close.name, path: data.close.path, yaml: data.close.yaml, seen: data.close.seen, change: (text, seen) => ({ make: 'replace', name: 'prompt/' + data.close.name, text, seen }) };
    if (query.file && data.close?.file) return { ...common, id: 'file/' + data.close.file, title: 'Edit the file', path: data.close.file, yaml: data.close.yaml, seen: data.close.seen, isWhole: true, named: () => '', change: (text, seen) => ({ make: 'file', path: data.close.file, text, seen }) };
    return null;
  };
  const escape = () => { if (!editor.element.hidden) editor.discard(); else if (page.query.prompt) open(''); };
  cosmos.keys({ j: () => step(1), k: () => step(-1), '/': () => filters.search.focus(), n: () => fresh.click(), e: () => page.query.prompt && buttons.edit.click(), Escape: escape });
  const both = h('div', {}, h('div', { style: 'min-width:0' }, table, blank, pager.element), close);
  const all = h('div', {}, h('div.head', {}, h('h1', {}, 'Prompts'), count, h('span.right'), fresh), missing, problems, editor.element, filters.element, both);

  return { draw(data, query) {
    if (!all.isConnected) main.append(all);
    shown = data;
    filters.draw({ label: data.labels.map(value => [value, value]), input: data.scenes.map(value => [value, value]), kind: [['original', 'Original'], ['enhanced', 'Enhanced']], use: [['unused', 'Without runs'], ['used', 'With runs']] }, [['-rating', 'Best rated first'], ['-runs', 'Most runs first'], ['runs', 'Fewest runs first'], ['place', 'By file'], ['-name', 'By name, from the end']]);
    write(count, data.total === data.all ? many(data.all, 'prompt') : `${data.total} of ${many(data.all, 'prompt')}`);
    cosmos.missing(missing, data.missing);
    problems.hidden = !data.problems.length;
    problems.replaceChildren(...data.problems.map(one => h('p', {}, h('a.link', { href: cosmos.link('/prompts', { file: one.file }), onclick: cosmos.visit(() => start({ file: one.file })) }, 'Open'), ' ', h('span.mono', {}, one.words))));
    keyed(body, data.rows, row => row.name, make, update);
    table.hidden = !data.rows.length; blank.hidden = Boolean(data.rows.length);
    if (!data.rows.length) blank.replaceChildren(...(data.all ? [h('b', {}, 'No prompt fits'), h('button', { onclick: () => filters.clear.click() }, 'Clear the filters')] : [h('b', {}, 'No prompts yet'), 'A prompt is a text, and the scene that something is made of. ', h('button', { onclick: () => fresh.click() }, 'Write the first one'), h('p', {}, 'Scenes are on ', h('a.link', { href: '/inputs' }, 'Inputs'), '.')]));
    pager.draw(data);
    const now = task(data, query), beside = now ? null : data.close && !data.close.file ? data.close : null;
    editor.draw(now);
    both.hidden = Boolean(now); filters.element.hidden = Boolean(now) || !data.all;
    both.className = beside ? 'with' : '';
    details(beside);
  }, done() {} };
};
