/**
 * Ends the program with a sentence when Node is too old. Written so that every Node that knows modules can read it; the scripts
 * import what needs a newer one only afterwards.
 */
export function requireNode() {
  const parts = process.versions.node.split('.').map(Number);
  if (parts[0] > 20 || (parts[0] === 20 && parts[1] >= 19)) return;
  console.error('Interlock needs Node 20.19 or later; this is Node ' + process.versions.node + '.');
  console.error('Get a newer one from https://nodejs.org, or with nvm: nvm install');
  process.exit(1);
}
