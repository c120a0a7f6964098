// What a conversion is asked to do: checked, remembered, put into a link, and told in a line. Pure.

export const DEFAULTS = {method: "", format: "", quality: "", compression: "", ranks: "", compare: "on"};

const METHODS = {
  bt601: "BT.601", bt709: "BT.709", average: "Average", lightness: "Lightness", max: "Maximum",
  red: "Red channel", green: "Green channel", blue: "Blue channel",
};

// What can be chosen, by setting; a server may take less.
export const WORDS = {
  method: Object.keys(METHODS),
  format: ["png", "jpeg", "bmp", "pgm"],
  compression: ["fast", "default", "small"],
  compare: ["on", "off"],
};
const MOST = {quality: 100, ranks: 65535};

export const methodName = (name) => METHODS[name] ?? name;

// Settings of which each is one that can be had; what cannot is the default.
export function clean(raw, maxRanks = MOST.ranks) {
  const settings = {...DEFAULTS};
  for (const [name, words] of Object.entries(WORDS)) if (words.includes(raw?.[name])) settings[name] = raw[name];
  for (const [name, most] of Object.entries({...MOST, ranks: Math.min(MOST.ranks, maxRanks)})) {
    const text = String(raw?.[name] ?? "");
    if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= most) settings[name] = text;
  }
  return settings;
}

// The options of a job: what is not named is the server's default.
export function toOptions(settings) {
  const {compare, quality, compression, ...named} = settings;
  if (settings.format === "jpeg" || settings.format === "") named.quality = quality;
  if (settings.format === "png" || settings.format === "") named.compression = compression;
  const options = Object.fromEntries(Object.entries(named).filter(([, value]) => value));
  if (compare === "on") options.compare = "true";
  return options;
}

export function toHash(settings) {
  return `#set/${new URLSearchParams(Object.entries(settings).filter(([, value]) => value))}`;
}

// The settings that a link carries, or null where it carries none.
export function fromHash(hash, maxRanks) {
  return hash.startsWith("#set/") ? clean(Object.fromEntries(new URLSearchParams(hash.slice(5))), maxRanks) : null;
}

export function summary(settings, server) {
  const ranks = Number(settings.ranks || server?.ranks || 0);
  return [
    methodName(settings.method || server?.methods?.[0]?.name || "bt601"),
    settings.format ? settings.format.toUpperCase() : "same format as the image",
    settings.format === "jpeg" && settings.quality ? `quality ${settings.quality}` : "",
    ranks ? `${ranks} ${ranks === 1 ? "rank" : "ranks"}` : "",
    settings.compare === "on" ? "compared with one process" : "not compared",
  ].filter(Boolean).join(" · ");
}
