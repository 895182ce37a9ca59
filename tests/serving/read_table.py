import json, pathlib, sys
import numpy as np
exports, table = pathlib.Path(sys.argv[1]), sys.argv[2]
version = exports / (exports / "CURRENT").read_text().split()[0]
about = json.loads((version / "manifest.json").read_text())["about"]
entry = next(t for t in about["tables"] if t["name"] == table)
parts = sorted((version / entry["folder"]).glob("*.keys.npy"))
keys = np.concatenate([np.load(p) for p in parts])
rows = np.concatenate([np.load(str(p).replace(".keys.", ".rows.")) for p in parts])
print(keys.shape, rows.shape, rows[np.searchsorted(keys, keys[0])])
