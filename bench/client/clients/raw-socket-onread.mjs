/** The raw socket at its best, see there: no program on Node's sockets can do with less. */
export { connectReusingMemory as connect } from './raw-socket.mjs';
