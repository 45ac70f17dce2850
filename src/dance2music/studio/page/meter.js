// How loud it is now, as ears judge it (ITU-R BS.1770): momentary loudness over 0.4 s, after the recommendation's two filters.

const WINDOW_SECONDS = 0.4;
/** Tables 1 and 2 of the recommendation, which are for the 48 kHz that the player runs at. */
const K_WEIGHTING_48_KHZ = [
  { feedforward: [1.53512485958697, -2.69169618940638, 1.19839281085285], feedback: [1, -1.69065929318241, 0.73248077421585] },
  { feedforward: [1, -2, 1], feedback: [1, -1.99004745483398, 0.99007225036621] },
];

export class Meter {
  /** Listens to `node`, stereo, at 48 kHz. */
  constructor(context, node) {
    this.context = context;
    const [shelf, pass] = K_WEIGHTING_48_KHZ.map((coefficients) => new IIRFilterNode(context, coefficients));
    const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    node.connect(shelf).connect(pass).connect(splitter);
    this.channels = [0, 1].map((channel) => {
      const analyser = new AnalyserNode(context, { fftSize: 32768 });
      splitter.connect(analyser, channel);
      return { analyser, samples: new Float32Array(32768) };
    });
  }

  /** Momentary loudness in LUFS; -Infinity for silence. */
  lufs() {
    const count = Math.min(32768, Math.round(WINDOW_SECONDS * this.context.sampleRate));
    let power = 0;
    for (const { analyser, samples } of this.channels) {
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (let i = samples.length - count; i < samples.length; i++) sum += samples[i] * samples[i];
      power += sum / count;
    }
    return power > 0 ? -0.691 + 10 * Math.log10(power) : -Infinity;
  }
}
