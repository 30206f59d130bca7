import * as gatekeeper from 'gatekeeper-native';
import checks from './checks.cjs';

checks(gatekeeper);
