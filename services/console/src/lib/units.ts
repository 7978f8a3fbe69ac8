import type { FeatureCollection, Position } from 'geojson';
import type { Unit } from './types';

/** A name without accents and case, as people type it on a phone. */
export const bare = (text: string): string =>
  text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/[đĐ]/g, 'd').toLowerCase();

/** Units whose names have every word that was typed. */
export function named<T extends { name: string }>(units: T[], wanted: string): T[] {
  const words = bare(wanted).split(/\s+/).filter(Boolean);
  return units.filter(({ name }) => words.every((word) => bare(name).includes(word)));
}

/** Whether a point lies within a ring (even-odd rule). */
function within(ring: Position[], lat: number, lon: number): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [x1 = 0, y1 = 0] = ring[i] ?? [];
    const [x2 = 0, y2 = 0] = ring[j] ?? [];
    if (y1 > lat !== y2 > lat && lon < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

/** The unit at a point: by its outline where there is one, otherwise the one whose middle is nearest. */
export function unitAt(units: Unit[], shapes: FeatureCollection | null, lat: number, lon: number): Unit | undefined {
  for (const { geometry, properties } of shapes?.features ?? []) {
    const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.type === 'MultiPolygon' ? geometry.coordinates : [];
    if (!polygons.some(([outer, ...holes]) => outer && within(outer, lat, lon) && !holes.some((hole) => within(hole, lat, lon)))) continue;
    const found = units.find(({ id }) => id === properties?.unit_id);
    if (found) return found;
  }
  const far = (unit: Unit): number => ((unit.lat ?? 99) - lat) ** 2 + ((unit.lon ?? 999) - lon) ** 2;
  return units.filter((unit) => unit.lat !== null && unit.lon !== null).sort((one, other) => far(one) - far(other))[0];
}
