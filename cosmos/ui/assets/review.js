/* What a person thinks of the open result: stars, note, tags. And what can be done with its run. */
cosmos.review = page => {
  const { h, write } = cosmos;
  const stars = [1, 2, 3, 4, 5].map(number => h('button.star', { 'aria-label': `Rate ${number} of 5`, title: `${number}: key ${number}`, onclick: () => rate(number) }, '★'));
  const clear = h('button.plain', { title: 'Take the rating away: key 0', onclick: () => rate(null) }, 'Clear');
  const note = h('textarea', { rows: '2', 'aria-label': 'Note', placeholder: 'A note', oninput: () => mark() });
  const tags = h('input', { type: 'text', 'aria-label': 'Tags', placeholder: 'tags, with commas', oninput: () => mark() });
  const save = h('button', { disabled: true, onclick: () => send({ note: note.value.trim(), tags: words() }, { note: row.review.note, tags: row.review.tags }) }, 'Save note and tags');
  const commit = h('input', { type: 'checkbox', onchange: () => localStorage.setItem('cosmos-commit', commit.checked ? 'yes' : '') });
  commit.checked = Boolean(localStorage.getItem('cosmos-commit'));
  const said = h('p.faint', { role: 'status' }), trouble = h('div.note.bad', { role: 'alert', hidden: true });
  const element = h('section.sec.review', { 'aria-label': 'Review' }, h('div.row', {}, h('span.rate', { role: 'group', 'aria-label': 'Rating' }, stars), clear, h('label.right.row.soft', { title: 'Commit the review, and nothing else, each time' }, commit, 'commit')), note, h('div.row', {}, tags, save), trouble, said);
  let row = null, busy = false, dirty = false;
  const words = () => tags.value.split(',').map(word => word.trim()).filter(Boolean);
  const mark = () => { dirty = note.value.trim() !== row.review.note || words().join() !== row.review.tags.join(); save.disabled = !dirty; };
  const paint = rating => { stars.forEach((star, index) => { star.setAttribute('aria-pressed', String(rating === index + 1)); star.classList.toggle('on', index < (rating || 0)); }); clear.hidden = !rating; };
  const send = async (fields, was) => {
    if (busy || !row || element.hidden) return;
    busy = true; trouble.hidden = true;
    const key = row.key;
    try {
      const answer = await cosmos.asked('rate', { run: key, digest: row.digest, fields, was: was || {}, commit: commit.checked });
      if (row && row.key === key) { row = { ...row, review: answer.review }; paint(answer.review.rating); if ('note' in fields) { dirty = false; save.disabled = true; } }
      write(said, answer.subject + (answer.commit ? `: committed as ${answer.commit.slice(0, 8)}` : `: edited ${answer.path}`));
      page.ask();
    } catch (error) {
      paint(row && row.review.rating);
      trouble.replaceChildren(h('p', {}, error.error), error.hint ? h('p', {}, error.hint) : ''); trouble.hidden = false;
    } finally { busy = false; }
  };
  const rate = rating => { if (!row || element.hidden || busy) return; paint(rating); send({ rating }); };
  return { element, rate, draw(next) {
    element.hidden = !next || !next.files.length;
    if (!next) { row = null; return; }
    const other = !row || row.key !== next.key || row.digest !== next.digest;
    if (other) { write(said, ''); trouble.hidden = true; dirty = false; }
    row = next;
    if (!busy) paint(next.review.rating);
    if (!dirty) { // what is typed and not saved stays through any refresh
      if (other || document.activeElement !== note) note.value = next.review.note;
      if (other || document.activeElement !== tags) tags.value = next.review.tags.join(', ');
      save.disabled = true;
    }
  } };
};

/* The buttons of a run. Each shows first what it would do. */
cosmos.actions = () => {
  const { h } = cosmos;
  let row = null;
  const act = (name, words, title) => h('button', { title, onclick: () => cosmos.action({ act: name, keys: [row.key] }) }, words);
  const buttons = {
    upscale: h('button', { title: 'A run that makes a larger video of this one', onclick: () => cosmos.upscale(row.key) }, 'Upscale'),
    rerun: act('rerun', 'Run again', 'Make it again; the earlier output is kept'),
    retry: act('retry', 'Retry', 'Let it be tried again'),
    cancel: act('cancel', 'Cancel', 'Stop it, until a retry'),
    suspend: act('suspend', 'Suspend', 'Start nothing of it until it is resumed'),
    resume: act('resume', 'Resume', 'End the suspension'),
    front: h('button', { title: 'Before all that wait, by the priority of its spec', onclick: () => cosmos.edit({ make: 'front', run: row.key }) }, 'To the front'),
    remove: h('button.bad', { title: 'Take its spec out of its file; outputs and reviews are kept', onclick: () => cosmos.edit({ make: 'remove', name: 'run/' + row.spec }) }, 'Delete'),
  };
  const number = h('input', { type: 'number', min: '0', max: '100', 'aria-label': 'Priority, 0 to 100' });
  const priority = h('form.row', { onsubmit: event => { event.preventDefault(); cosmos.edit({ make: 'priority', run: row.key, priority: number.value }); } }, h('span.soft', {}, 'Priority'), number, h('button', {}, 'Set'));
  const element = h('section.sec.acts', { 'aria-label': 'Acts' }, Object.values(buttons), priority);
  const open = ['Pending', 'Waiting', 'Queued', 'Staging', 'Starting', 'Running', 'Collecting'];
  return { element, draw(next) {
    const other = !row || !next || row.key !== next.key || row.priority !== next.priority;
    row = next;
    element.hidden = !next;
    if (!next) return;
    const isOpen = open.includes(next.phase), waits = ['Pending', 'Waiting', 'Queued'].includes(next.phase);
    const shown = { upscale: Boolean(next.video), rerun: next.phase === 'Succeeded', retry: ['Failed', 'Cancelled'].includes(next.phase), cancel: isOpen, suspend: isOpen, resume: next.phase === 'Suspended', front: waits, remove: true };
    for (const [name, button] of Object.entries(buttons)) button.hidden = !shown[name] || !next.spec;
    priority.hidden = !next.spec;
    buttons.remove.textContent = next.spec === next.key ? 'Delete' : `Delete ${next.spec}`;
    if (other) number.value = next.priority ?? '';
  } };
};
