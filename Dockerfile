FROM python:3.11-slim-bookworm

# What OpenCV and MediaPipe link against, and a slim image lacks; tini buries what ended jobs leave behind.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libegl1 libgles2 libglib2.0-0 libsm6 libxext6 tini \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt -c constraints.txt

COPY . .
# The end of the server is that of its trainings here: it asks them to save first (docker stop -t 60).
ENV STUDIO_CACHE=/app/assets STUDIO_DATA=/data STUDIO_STOP_JOBS_WITH_SERVER=true STUDIO_PRELOAD=true
RUN python -m core.assets \
    && useradd --create-home --uid 10001 studio \
    && mkdir -p "$STUDIO_DATA" /backups \
    && chown studio "$STUDIO_DATA" /backups

USER studio
VOLUME /data /backups
EXPOSE 8501
# Healthy once a drawing can become a photo.
HEALTHCHECK --start-period=120s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/health', timeout=3)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "streamlit", "run", "dashboard/app.py", "--server.port=8501", "--server.address=0.0.0.0", "--server.headless=true", "--browser.gatherUsageStats=false"]
