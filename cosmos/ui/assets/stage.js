/* Several videos played as one: play, frame by frame, scrub, speed, loop. `videos` gives those there are now, `fps` the length of a step. */
cosmos.stage = (videos, fps = () => 24) => {
  const { h, write } = cosmos;
  let loop = true, moving = false;
  const play = h('button.main', { onclick: () => moving ? pause() : start() }, 'Play');
  const scrub = h('input', { type: 'range', min: '0', max: '1000', value: '0', 'aria-label': 'Time', oninput: () => { pause(); seek(scrub.value / 1000 * length()); } });
  const clock = h('span.mono');
  const again = h('button', { 'aria-pressed': 'true', onclick: () => { loop = !loop; again.setAttribute('aria-pressed', String(loop)); } }, 'Loop');
  const speed = h('select', { 'aria-label': 'Speed', onchange: () => { for (const video of videos()) video.playbackRate = Number(speed.value); } }, ['0.25', '0.5', '1', '2'].map(value => h('option', { value, selected: value === '1' }, value + '×')));
  const length = () => Math.max(0, ...videos().map(video => video.duration || 0));
  const lead = () => videos().reduce((longest, video) => (video.duration || 0) > (longest?.duration || 0) ? video : longest, null);
  const seek = at => { for (const video of videos()) video.currentTime = Math.min(at, Math.max(0, (video.duration || at) - .001)); tell(at); };
  const tell = at => { scrub.value = String(length() ? at / length() * 1000 : 0); write(clock, at.toFixed(2) + ' / ' + length().toFixed(2) + ' s'); };
  const show = () => tell(lead()?.currentTime || 0);
  const start = () => { const first = lead(); if (!first) return; if (first.currentTime >= length() - .01) seek(0); moving = true; write(play, 'Pause'); for (const video of videos()) { video.playbackRate = Number(speed.value); video.play().catch(() => {}); } requestAnimationFrame(keep); };
  const pause = () => { moving = false; write(play, 'Play'); for (const video of videos()) video.pause(); };
  const nudge = by => { pause(); seek(Math.max(0, Math.min(length(), (lead()?.currentTime || 0) + by / fps()))); };
  /* The longest leads; another that is more than a frame away is put where it should be. */
  const keep = () => {
    if (!moving) return;
    const first = lead();
    if (!first) { pause(); return; }
    tell(first.currentTime);
    if (first.ended || first.currentTime >= length() - .005) { if (!loop) { pause(); return; } seek(0); for (const video of videos()) video.play().catch(() => {}); }
    for (const video of videos()) if (video !== first && !video.seeking && first.currentTime < video.duration && Math.abs(video.currentTime - first.currentTime) > 1 / fps()) video.currentTime = first.currentTime;
    requestAnimationFrame(keep);
  };
  document.addEventListener('keydown', event => {
    if (!videos().length || event.target.closest('input, select, button, video, textarea, a, dialog') || event.ctrlKey || event.metaKey) return;
    const keys = { ' ': () => moving ? pause() : start(), ArrowLeft: () => nudge(-1), ArrowRight: () => nudge(1) };
    if (event.key in keys) { event.preventDefault(); keys[event.key](); }
  });
  const controls = [play, h('button', { 'aria-label': 'One frame back', onclick: () => nudge(-1) }, '−1'), h('button', { 'aria-label': 'One frame on', onclick: () => nudge(1) }, '+1'), scrub, clock, speed, again];
  return { controls, pause, seek, lead, show };
};
