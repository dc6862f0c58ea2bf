FROM python:3.11-slim-bookworm AS base

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
ENTRYPOINT ["tini", "--"]

# Only with "docker compose --profile airflow": the studio's commands, and Airflow in an environment of its own.
FROM base AS airflow
USER root
RUN python -m venv /opt/airflow \
    && /opt/airflow/bin/pip install --no-cache-dir -r curation/airflow/requirements.txt -c curation/airflow/constraints.txt \
    && mkdir /airflow \
    && chown studio /airflow
USER studio
ENV AIRFLOW_HOME=/airflow AIRFLOW__CORE__DAGS_FOLDER=/app/curation/airflow AIRFLOW__CORE__LOAD_EXAMPLES=false \
    AIRFLOW__CORE__PARALLELISM=4 AIRFLOW_VAR_STUDIO_PYTHON=/usr/local/bin/python PATH=/opt/airflow/bin:$PATH
VOLUME /airflow
EXPOSE 8080
HEALTHCHECK --start-period=120s CMD ["/usr/local/bin/python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/api/v2/monitor/health', timeout=3)"]
CMD ["airflow", "standalone"]

FROM base
EXPOSE 8501
# Healthy once a drawing can become a photo.
HEALTHCHECK --start-period=120s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/health', timeout=3)"]
CMD ["python", "-m", "streamlit", "run", "dashboard/app.py", "--server.port=8501", "--server.address=0.0.0.0", "--server.headless=true", "--browser.gatherUsageStats=false"]
