export default {
  input: process.env.GATEKEEPER_DOCUMENT,
  output: { path: 'hey-api', module: { extension: '.js' } },
};
