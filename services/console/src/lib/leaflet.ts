/** Leaflet with its sheet, which only pages with a map load. */
import 'leaflet/dist/leaflet.css';
import L from 'leaflet';

export default L;
