export {
  canStartServers,
  describeOnOwnServers,
  describeOnSharedServer,
  freshPath,
  type SharedServer,
  sharedServer,
} from './shared-server.js';
