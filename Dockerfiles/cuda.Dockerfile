# The CUDA rows: the core of every row, and one module for NVIDIA's GPUs.
# `nox -s "image(cuda-12.4)"` builds it; the home of every argument is matrix.yaml.
ARG BUILDER_IMAGE=debian:bookworm-slim
ARG OLDEST_IMAGE=debian:bullseye-slim
ARG SDK_IMAGE=nvidia/cuda:12.4.1-devel-ubuntu22.04
ARG RUNTIME_IMAGE=debian:bookworm-slim

# The toolchain, and what has to be fetched.
FROM ${BUILDER_IMAGE} AS sources
ARG BUILDER_PACKAGES
COPY --chmod=0755 Dockerfiles/scripts/install_packages Dockerfiles/scripts/with_network /scripts/
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    /scripts/install_packages ${BUILDER_PACKAGES}
ENV XLLAMACPP_BUILD_CACHE=/sources CARGO_HOME=/sources/cargo
WORKDIR /project
COPY pyproject.toml ./
COPY native/cmake/llama_cpp_pin.cmake native/cmake/llama_cpp_fetch.cmake native/cmake/
COPY native/cmake/fetch_only/ native/cmake/fetch_only/
COPY native/llguidance/ native/llguidance/
COPY --chmod=0755 Dockerfiles/scripts/fetch_sources /scripts/
RUN --mount=type=secret,id=cacert --mount=type=secret,id=pip.conf \
    --mount=type=cache,target=/root/.cache/pip \
    /scripts/with_network /scripts/fetch_sources

# The oldest C library that the core is to run with.
FROM ${OLDEST_IMAGE} AS oldest
ARG OLDEST_PACKAGES
COPY --chmod=0755 Dockerfiles/scripts/install_packages /scripts/
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    /scripts/install_packages ${OLDEST_PACKAGES}

# The core, compiled. LLGuidance comes first: what changes in our own code leaves it alone.
FROM sources AS builder
RUN --network=none cargo build --release --locked --offline --quiet \
    --manifest-path native/llguidance/Cargo.toml --target-dir /sources/llguidance
COPY --chmod=0755 Dockerfiles/scripts/make_sysroot /scripts/
RUN --network=none --mount=type=bind,from=oldest,target=/oldest /scripts/make_sysroot /oldest /sysroot
COPY --chmod=0755 Dockerfiles/scripts/build_wheel /scripts/
COPY LICENSE README.md ./
COPY native/ native/
COPY xllamacpp/ xllamacpp/
ARG CORE_CMAKE_OPTIONS
RUN --network=none --mount=type=cache,target=/root/.cache/ccache \
    /scripts/build_wheel ${CORE_CMAKE_OPTIONS}

# The GPU module, from its toolkit's own image: nothing else is compiled there.
FROM ${SDK_IMAGE} AS module
ARG SDK_PACKAGES
COPY --chmod=0755 Dockerfiles/scripts/install_packages Dockerfiles/scripts/with_network \
    Dockerfiles/scripts/install_cmake /scripts/
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    /scripts/install_packages ${SDK_PACKAGES}
RUN --mount=type=secret,id=cacert --mount=type=secret,id=pip.conf \
    --mount=type=cache,target=/root/.cache/pip \
    /scripts/with_network /scripts/install_cmake
COPY --chmod=0755 Dockerfiles/scripts/build_module /scripts/
ENV XLLAMACPP_BUILD_CACHE=/sources
WORKDIR /project
COPY native/CMakeLists.txt native/
COPY native/cmake/ native/cmake/
ARG MODULE MODULE_CMAKE_OPTIONS HOST_GCC_MAX
# hadolint ignore=SC2086 # the options are several words
RUN --network=none --mount=type=bind,from=sources,source=/sources,target=/sources \
    --mount=type=cache,target=/root/.cache/ccache \
    /scripts/build_module ${MODULE} ${MODULE_CMAKE_OPTIONS}
COPY --chmod=0755 Dockerfiles/scripts/collect_libraries /scripts/
ARG RUNTIME_LIBRARIES
RUN /scripts/collect_libraries ${RUNTIME_LIBRARIES}

# The core with the module beside it, and what only the build of a row knows.
FROM builder AS wheel
ARG CORE_CMAKE_OPTIONS
RUN --network=none --mount=type=bind,from=module,source=/module,target=/module \
    --mount=type=cache,target=/root/.cache/ccache \
    /scripts/build_wheel ${CORE_CMAKE_OPTIONS} -DXLLAMACPP_MODULES_DIR=/module
COPY distribution/wheels/ /scripts/wheels/
ARG MODULE_CMAKE_OPTIONS ROW WHEEL_LABEL WHEEL_PLATFORM WHEEL_EXTRA REVISION CREATED
RUN --network=none --mount=type=bind,from=module,source=/headers,target=/headers \
    PYTHONPATH=/scripts /opt/build/bin/python -m wheels.finished_wheel /wheel --headers /headers \
    --row "${ROW}" --label "${WHEEL_LABEL}" --platform "${WHEEL_PLATFORM}" --extra "${WHEEL_EXTRA}" \
    --revision "${REVISION}" --created "${CREATED}" --options="${CORE_CMAKE_OPTIONS} ${MODULE_CMAKE_OPTIONS}"

# The wheel alone: docker build --target dist --output DIRECTORY.
FROM scratch AS dist
COPY --from=wheel /wheel/ /

# What is installed in the image.
FROM ${RUNTIME_IMAGE} AS installed
ARG RUNTIME_PACKAGES
RUN --mount=type=bind,source=Dockerfiles/scripts,target=/scripts \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    /scripts/install_packages ${RUNTIME_PACKAGES}
RUN --mount=type=bind,source=Dockerfiles/scripts,target=/scripts \
    --mount=type=bind,from=sources,source=/opt/build,target=/builder \
    --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    --mount=type=secret,id=cacert --mount=type=secret,id=pip.conf \
    --mount=type=cache,target=/root/.cache/pip \
    /scripts/with_network /scripts/install_wheel

# The list of it, made outside, so that the tool which makes it stays outside.
FROM sources AS sbom
COPY --chmod=0755 Dockerfiles/scripts/write_sbom Dockerfiles/scripts/sbom.py /scripts/
COPY distribution/wheels/ /scripts/wheels/
ARG ROW
RUN --network=none --mount=type=bind,from=installed,target=/installed /scripts/write_sbom /installed "${ROW}"

FROM installed AS runtime
COPY --from=module /libraries/ /opt/gpu/lib/
RUN echo /opt/gpu/lib >/etc/ld.so.conf.d/gpu.conf && ldconfig
COPY --from=sbom /sbom/ /usr/share/sbom/
COPY --chmod=0755 Dockerfiles/scripts/entrypoint /usr/local/bin/
ARG NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES
ENV PATH=/opt/xllamacpp/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/models \
    XLLAMACPP_CACHE=/models \
    LLAMA_ARG_HOST=0.0.0.0 \
    NVIDIA_VISIBLE_DEVICES=${NVIDIA_VISIBLE_DEVICES} \
    NVIDIA_DRIVER_CAPABILITIES=${NVIDIA_DRIVER_CAPABILITIES}
ARG RUNTIME_IMAGE ROW VERSION REVISION CREATED
LABEL org.opencontainers.image.title="xllamacpp" \
      org.opencontainers.image.description="GGUF language models over HTTP and from Python: llama.cpp's server (${ROW})" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${RUNTIME_IMAGE}" \
      io.xllamacpp.row="${ROW}"
USER 10001:0
WORKDIR /models
VOLUME /models
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=10s --start-period=300s --start-interval=1s CMD ["xllamacpp", "health"]
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/entrypoint"]
CMD ["serve"]

# The tests, for those that need a GPU: `nox -s gpu_test`.
FROM runtime AS test
USER 0:0
RUN --mount=type=bind,source=Dockerfiles/scripts,target=/scripts \
    --mount=type=bind,source=pyproject.toml,target=/tests/pyproject.toml \
    --mount=type=secret,id=cacert --mount=type=secret,id=pip.conf \
    --mount=type=cache,target=/root/.cache/pip \
    /scripts/with_network /scripts/install_tests
COPY pyproject.toml /tests/
COPY tests/ /tests/tests/
USER 10001:0
WORKDIR /tests
HEALTHCHECK NONE
ENTRYPOINT ["/usr/bin/tini", "--", "python", "-P", "-m", "pytest"]
CMD ["--help"]
