"""An Orthanc on loopback for the length of a proof, and the ways in and out of it.

    with Archive(folder) as archive:
        archive.c_store(files); archive.stow(files); archive.wado(path) ...

Storage, index and log lie below `folder`; nothing outlives the `with`.
"""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pydicom
import requests

PLUGINS = Path("/usr/share/orthanc/plugins")


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Archive:
    """Orthanc with the DICOMweb and GDCM plug-ins."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.http, self.dicom = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self.web = f"{self.url}/dicom-web"

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        settings = {
            "Name": "proof", "StorageDirectory": str(self.folder / "storage"), "IndexDirectory": str(self.folder / "index"),
            "HttpPort": self.http, "DicomPort": self.dicom, "DicomAet": "ORTHANC", "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True, "UnknownSopClassAccepted": True,
            "OverwriteInstances": True, "ConcurrentJobs": 1, "HttpThreadsCount": 8,
            "Plugins": [str(PLUGINS / "libOrthancDicomWeb.so"), str(PLUGINS / "libOrthancGdcm.so")],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "StudiesMetadata": "Full", "SeriesMetadata": "Full"},
        }
        config = self.folder / "orthanc.json"
        config.write_text(json.dumps(settings, indent=1))
        self.log = open(self.folder / "orthanc.log", "w")
        self.process = subprocess.Popen(["Orthanc", str(config)], stdout=self.log, stderr=self.log)
        for _ in range(120):
            try:
                requests.get(f"{self.url}/system", timeout=2).raise_for_status()
                return self
            except requests.RequestException:
                if self.process.poll() is not None:
                    break
                time.sleep(0.25)
        self.__exit__()
        raise RuntimeError(f"Orthanc did not start: see {self.folder / 'orthanc.log'}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def clear(self):
        """Removes everything that is stored."""
        for patient in requests.get(f"{self.url}/patients", timeout=30).json():
            requests.delete(f"{self.url}/patients/{patient}", timeout=60).raise_for_status()

    def c_store(self, paths):
        """Sends files by storescu; gives its error text, empty if all were accepted."""
        command = ["storescu", "-R", "-aec", "ORTHANC", "127.0.0.1", str(self.dicom), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("E:", "F:", "W:"))]
        return "" if done.returncode == 0 and not lines else f"exit status {done.returncode}: " + "; ".join(lines)

    def stow(self, paths):
        """Sends files by one STOW-RS request; gives an error text, empty if all were accepted."""
        boundary = "proof-boundary-7f3a"
        parts = b"".join(f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + Path(path).read_bytes() + b"\r\n"
                         for path in paths)
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        answer = requests.post(f"{self.web}/studies", data=parts + f"--{boundary}--\r\n".encode(), timeout=120,
                               headers={"Content-Type": kind, "Accept": "application/dicom+json"})
        if answer.status_code != 200:
            return f"status {answer.status_code}: {answer.text[:300]}"
        body = answer.json()
        stored = len(body.get("00081199", {}).get("Value", []))
        failed = body.get("00081198", {}).get("Value", [])
        return "" if not failed and stored == len(list(paths)) else f"{stored} stored, failed: {failed}"

    def wado(self, path):
        """The file as WADO-RS gives it back, in the transfer syntax it was stored in."""
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SeriesInstanceUID"])
        instance = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID
        url = f"{self.web}/studies/{header.StudyInstanceUID}/series/{header.SeriesInstanceUID}/instances/{instance}"
        answer = requests.get(url, timeout=60, headers={
            "Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'})
        answer.raise_for_status()
        boundary = answer.headers["Content-Type"].split("boundary=")[1].split(";")[0].strip('"').encode()
        head, _, body = answer.content.partition(b"\r\n\r\n")
        return body[:body.rindex(b"\r\n--" + boundary)]

    def kept(self, path):
        """The very bytes that the archive keeps for a file."""
        instance = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID
        found = requests.post(f"{self.url}/tools/lookup", data=str(instance), timeout=30).json()
        if not found:
            return b""
        return requests.get(f"{self.url}/instances/{found[0]['ID']}/file", timeout=60).content

    def metadata(self, path):
        """The DICOM JSON of a file's instance."""
        header = pydicom.dcmread(path, stop_before_pixels=True)
        url = (f"{self.web}/studies/{header.StudyInstanceUID}/series/{header.SeriesInstanceUID}"
               f"/instances/{header.SOPInstanceUID}/metadata")
        answer = requests.get(url, timeout=60, headers={"Accept": "application/dicom+json"})
        answer.raise_for_status()
        return answer.json()[0]
