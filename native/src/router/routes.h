// The routes of a router: a model's own are passed on to its process; those about models are llama.cpp's router's.
#pragma once

#include "server/routes.h"

#include "server-models.h"

namespace xllamacpp {

/// Puts llama.cpp's router in the place of the handlers of one model.
void pass_on(server_routes & handlers, const server_models_routes & router);

/// The streams that a client can take up again, each in the process of its model.
stream_handlers streams_of_models(server_models_routes & router);

/// Adds the routes that list, load, unload, fetch and remove models.
void add_model_routes(route_table & routes, server_models_routes & router);

}  // namespace xllamacpp
