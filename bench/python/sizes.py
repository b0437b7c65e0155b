"""What a package takes: its wheel, all wheels that come with it, and what they are unpacked."""
import json
import subprocess
import sys
import zipfile


def wheels(requirement, folder):
    """The wheels of a package and of all that it needs, fetched or built once."""
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "-w", str(folder), str(requirement)],
                       check=True)
        (folder / "complete").touch()
    return sorted(folder.glob("*.whl"))


def of(package, requirement, folder):
    """{"own", "all", "unpacked", "packages"}: bytes, and how many wheels there are; kept in a file."""
    kept = folder / "sizes.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    files = wheels(requirement, folder)
    mine = package.partition("=")[0].replace("-", "_") + "-"
    found = {"own": next(one.stat().st_size for one in files if one.name.startswith(mine)),
             "all": sum(one.stat().st_size for one in files), "packages": len(files),
             "unpacked": sum(part.file_size for one in files
                             for part in zipfile.ZipFile(one).infolist())}
    kept.write_text(json.dumps(found), encoding="utf-8")
    return found
