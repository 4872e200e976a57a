# A Debian with nothing but Python, in which a wheel is tried: `nox -s wheel_check`.
ARG ROOT_IMAGE=debian:bookworm-slim
FROM ${ROOT_IMAGE}
ARG ROOT_PACKAGES
RUN --mount=type=bind,source=Dockerfiles/scripts,target=/scripts \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    /scripts/install_packages ${ROOT_PACKAGES}
