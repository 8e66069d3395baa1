/* Inputs: the scenes, and one of them with all its videos in step. */
cosmos.pages.inputs = (main, page) => {
  const { h, keyed, write, many, bytes, ago } = cosmos;
  let shown = null;
  const open = name => page.go({ input: name });
  const filters = cosmos.filters(page, 'Search name, prompt, run', { has: 'Any controls', use: 'Any use', state: 'Any warnings' });
  const pager = cosmos.pager(page, 'Pages of inputs'), count = h('span.soft', { role: 'status' }), missing = h('div.note', { hidden: true });
  const grid = h('div.grid'), blank = h('div.blank');
  const sub = row => row.media ? `${row.media.frames} frames · ${row.media.fps} fps · ${row.media.size}` : row.unread ? 'being read ...' : 'cannot be read';
  const make = row => {
    const card = h('article.card', {}, cosmos.shot({ video: row.video, poster: row.poster, phase: 'Succeeded' }), h('div.text', {}, h('a.key', { href: cosmos.link('/inputs', { input: row.name }), onclick: cosmos.visit(() => open(row.name)) }, row.name), h('p.soft'), h('div.chips'), h('div.sub', {}, h('span.soft'), h('span.state.warning'))));
    cosmos.playOver(card);
    return card;
  };
  const update = (card, row) => {
    cosmos.reshot(card.querySelector('.shot'), { video: row.video, poster: row.poster, phase: 'Succeeded' });
    write(card.querySelector('p'), sub(row));
    card.querySelector('.chips').replaceChildren(...row.roles.map(role => h('span.chip', {}, role)));
    const uses = card.querySelector('.sub').firstChild, state = card.querySelector('.state');
    write(uses, row.prompts || row.runs ? [row.prompts ? many(row.prompts, 'prompt') : '', row.runs ? many(row.runs, 'run') : ''].filter(Boolean).join(', ') : 'unused');
    state.hidden = !row.warnings; write(state, many(row.warnings, 'warning'));
    card.classList.toggle('open', row.name === page.query.input);
  };

  /* One scene */
  const title = h('h2'), films = h('div.films'), fresh = h('a.button.main', {}, 'New prompt from it'), notes = h('div.sec'), table = h('div'), prompts = h('div'), runs = h('div');
  let rate = 24;
  const stage = cosmos.stage(() => [...films.querySelectorAll('video')], () => rate), bar = h('div.play.still', {}, stage.controls);
  const section = (name, ...children) => h('section.sec', {}, h('h3', {}, name), ...children);
  const step = by => { const next = cosmos.step(shown.cards.map(row => row.name), page.query.input, by); if (next) open(next); };
  const close = h('aside.pane.close', { hidden: true, 'aria-label': 'The open scene' },
    h('div.top', {}, title, h('button.plain', { title: 'Previous (k)', 'aria-label': 'Previous scene', onclick: () => step(-1) }, '‹'), h('button.plain', { title: 'Next (j)', 'aria-label': 'Next scene', onclick: () => step(1) }, '›'), h('button.plain', { title: 'Close (Escape)', 'aria-label': 'Close', onclick: () => open('') }, '×')),
    films, bar, h('div.sec.row', {}, fresh), notes, section('Files', table), section('Prompts', prompts), section('Runs', runs));
  const film = file => h('figure', {}, file.played ? Object.assign(h('video', { src: file.url, preload: 'auto', playsinline: true, loop: false, 'aria-label': file.role, onloadedmetadata: stage.show, onerror: event => event.target.replaceWith(h('div.shot.none', {}, h('span.faint', {}, 'this browser cannot play it'))) }), { muted: true }) : h('div.shot.none', {}, h('span.faint', {}, file.media ? `browsers do not play ${file.media.codec}` : 'no video to play')), h('figcaption', {}, h('b', {}, file.role)));
  const details = row => {
    close.hidden = !row;
    if (!row) { stage.pause(); films.replaceChildren(); return; }
    write(title, row.name);
    rate = row.media?.fps || 24;
    keyed(films, row.files, file => file.url + file.played + row.changed, film, () => {});
    bar.hidden = !row.files.some(file => file.played);
    fresh.href = cosmos.link('/prompts', { new: 'prompt', scene: row.name });
    notes.hidden = !row.notes.length;
    notes.replaceChildren(...row.notes.map(words => h('p.warned', {}, words)));
    const media = file => file.media || {};
    table.replaceChildren(h('div.wide', {}, h('table.facts', {}, h('thead', {}, h('tr', {}, ['', 'Frames', 'FPS', 'Size', 'Codec', 'File'].map(name => h('th', {}, name)))), h('tbody', {}, row.files.map(file => h('tr', { title: file.path }, h('th', {}, file.role), h('td', {}, media(file).frames ?? (row.unread ? '...' : '-')), h('td', {}, media(file).fps ?? ''), h('td', {}, media(file).size ?? ''), h('td', {}, [media(file).codec, media(file).pixels].filter(Boolean).join(' ')), h('td', {}, file.size ? bytes(file.size) : '')))))), h('p.soft', {}, row.folder + (row.media?.seconds ? ` · ${row.media.seconds.toFixed(1)} s` : '') + (row.changed ? ' · written ' + ago(row.changed) : '')));
    prompts.replaceChildren(...(row.users.prompts.length ? [h('div.chips', {}, row.users.prompts.slice(0, 40).map(name => h('a.chip', { href: cosmos.link('/prompts', { prompt: name }) }, name)), row.users.prompts.length > 40 ? h('a.chip', { href: cosmos.link('/prompts', { input: row.name }) }, `all ${row.users.prompts.length}`) : '')] : [h('p.soft', {}, 'None yet. A prompt says what to make of this scene.')]));
    runs.replaceChildren(...(row.users.runs.length ? [h('div.chips', {}, row.users.runs.slice(0, 12).map(key => h('a.chip', { href: cosmos.run(key) }, key))), h('p', {}, h('a.link', { href: cosmos.link('/runs', { input: row.folder }) }, `See ${many(row.users.runs.length, 'run')}`))] : [h('p.soft', {}, row.users.prompts.length ? 'None yet: a document of kind Run makes some of a prompt.' : 'None yet.')]));
  };
  cosmos.keys({ j: () => step(1), k: () => step(-1), '/': () => filters.search.focus(), Escape: () => page.query.input && open('') });
  const both = h('div', {}, h('div', { style: 'min-width:0' }, grid, blank, pager.element), close);
  const all = h('div', {}, h('div.head', {}, h('h1', {}, 'Inputs'), count), missing, filters.element, both);

  return { draw(data) {
    if (!all.isConnected) main.append(all);
    shown = data;
    filters.draw({ has: ['depth', 'segmentation', 'edge', 'vis', 'keypoint'].map(role => [role, 'Has ' + role]), use: [['unused', 'Unused'], ['used', 'Used']], state: [['warned', 'With warnings'], ['fine', 'Without warnings']] }, [['-date', 'Newest first'], ['date', 'Oldest first'], ['-frames', 'Longest first'], ['-runs', 'Most runs first'], ['-name', 'By name, from the end']]);
    filters.element.hidden = !data.all;
    write(count, (data.total === data.all ? many(data.all, 'scene') : `${data.total} of ${many(data.all, 'scene')}`) + (data.reading ? ` · reading ${data.reading}` : ''));
    cosmos.missing(missing, data.missing);
    keyed(grid, data.cards, row => row.name, make, update);
    grid.hidden = !data.cards.length; blank.hidden = Boolean(data.cards.length);
    if (!data.cards.length) blank.replaceChildren(...(data.all ? [h('b', {}, 'No scene fits'), h('button', { onclick: () => filters.clear.click() }, 'Clear the filters')] : [h('b', {}, 'No scenes yet'), 'A scene is a folder of inputs/ with color.mp4, and depth.mp4, segmentation.mp4, edge.mp4 or vis.mp4 where there are such.', h('p', {}, 'Bring in a render, PNG sequences or videos: ', h('code', {}, 'cosmos prepare ~/renders/city'))]));
    pager.draw(data);
    both.className = data.close ? 'with' : '';
    details(data.close);
  }, done() {} };
};
