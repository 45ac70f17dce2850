// Drawing the lanes of the timeline on canvases. Colours come from the style sheet, so that light and dark are in one place.

/** A colour of the style sheet. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Height of the letters in pixels, as the style sheet has it for this size of window. */
const letters = () => Math.round(0.74 * parseFloat(getComputedStyle(document.documentElement).fontSize));

/** A canvas of the size that it is shown in, cleared; null where it is not shown. */
export function surface(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** Lines at the beats, stronger at downbeats; beats are left out where they would touch. */
export function drawGrid({ pen, width, height }, axis, grid) {
  const [beat, bar] = [colour("--beat"), colour("--bar")];
  const perBeat = grid.beats.length > 1 ? axis.x(axis.from + grid.beats[1] - grid.beats[0], width) : 0;
  grid.beats.forEach((time, i) => {
    if (time < axis.from || time > axis.to) return;
    const down = grid.isDownbeat(i);
    if (!down && perBeat < 6) return;
    pen.fillStyle = down ? bar : beat;
    pen.fillRect(Math.round(axis.x(time, width)), 0, 1, height);
  });
}

/** Numbers of bars and seconds. */
export function drawRuler({ pen, width, height }, axis, grid) {
  drawGrid({ pen, width, height }, axis, grid);
  pen.font = `${letters()}px ${colour("--font")}`;
  pen.textBaseline = "middle";
  let last = -100;
  grid.beats.forEach((time, i) => {
    const x = axis.x(time, width);
    if (!grid.isDownbeat(i) || time < axis.from - 1 || x > width || x - last < 2.7 * letters()) return;
    pen.fillStyle = colour("--text");
    if (x >= 0) pen.fillText(String(grid.barOf(i)), x + 4, height * 0.3);
    last = x;
  });
  const step = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120].find((s) => axis.x(axis.from + s, width) > 5 * letters()) ?? 300;
  pen.fillStyle = colour("--muted");
  for (let time = Math.ceil(axis.from / step) * step; time <= axis.to; time += step) {
    const text = step < 1 ? `${time.toFixed(1)} s` : time < 60 ? `${Math.round(time)} s` : `${Math.floor(time / 60 + 1e-9)}:${String(Math.round(time % 60)).padStart(2, "0")}`;
    pen.fillText(text, axis.x(time, width) + 4, height * 0.76);
    pen.fillRect(Math.round(axis.x(time, width)), height * 0.56, 1, height * 0.44);
  }
}

/** The dancer: velocity as a filled curve, kinematic beats as dots on it. */
export function drawDancer({ pen, width, height }, axis, { velocity = [], velocity_fps: fps = 30, kinematic_beats_seconds: beats = [] }) {
  if (!velocity.length) return;
  const most = Math.max(...velocity, 1e-6);
  const y = (value) => height - 3 - (value / most) * (height - 10);
  const first = Math.max(0, Math.floor(axis.from * fps) - 1);
  const last = Math.min(velocity.length - 1, Math.ceil(axis.to * fps) + 1);
  pen.beginPath();
  pen.moveTo(axis.x(first / fps, width), height);
  for (let i = first; i <= last; i++) pen.lineTo(axis.x(i / fps, width), y(velocity[i]));
  pen.lineTo(axis.x(last / fps, width), height);
  pen.closePath();
  pen.fillStyle = colour("--dance-soft");
  pen.fill();
  pen.beginPath();
  for (let i = first; i <= last; i++) pen.lineTo(axis.x(i / fps, width), y(velocity[i]));
  pen.strokeStyle = colour("--dance");
  pen.lineWidth = 1.5;
  pen.stroke();
  pen.fillStyle = colour("--dance");
  for (const time of beats) {
    if (time < axis.from || time > axis.to) continue;
    const x = axis.x(time, width);
    pen.beginPath();
    pen.arc(x, y(velocity[Math.min(velocity.length - 1, Math.round(time * fps))] ?? 0), 3.2, 0, 7);
    pen.fill();
  }
}

/** A waveform: `wave` has a byte per hundredth of a second. */
export function drawWave({ pen, width, height }, axis, wave, rate, name) {
  pen.fillStyle = colour(name);
  const middle = height / 2;
  for (let x = 0; x < width; x++) {
    const first = Math.floor(axis.seconds(x, width) * rate);
    const last = Math.max(first + 1, Math.ceil(axis.seconds(x + 1, width) * rate));
    let peak = 0;
    for (let i = Math.max(0, first); i < Math.min(last, wave.length); i++) peak = Math.max(peak, wave[i]);
    if (first >= wave.length) break;
    const tall = Math.max(0.5, (peak / 255) * (middle - 3));
    pen.fillRect(x, middle - tall, 1, 2 * tall);
  }
}

/** The form of the music: a field per section, the fuller the more goes on in it. */
export function drawSections({ pen, width, height }, axis, sections) {
  pen.font = `${letters()}px ${colour("--font")}`;
  pen.textBaseline = "middle";
  for (const { name, begin_seconds: begin, end_seconds: end, level } of sections) {
    const [left, right] = [axis.x(begin, width), axis.x(end, width)];
    if (right < 0 || left > width) continue;
    pen.globalAlpha = 0.15 + 0.35 * level;
    pen.fillStyle = colour("--select");
    pen.fillRect(left + 1, 3, right - left - 2, height - 6);
    pen.globalAlpha = 1;
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, right - left - 4, height);
    pen.clip();
    pen.fillStyle = colour("--text");
    pen.fillText(name, Math.max(left, 0) + 7, height / 2 + 0.5);
    pen.restore();
  }
}
