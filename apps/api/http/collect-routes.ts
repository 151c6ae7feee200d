import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { ACCESS, type Access } from './access.decorator.js';
import type { ErrorCode } from './error-codes.js';
import { REFUSALS } from './refusals.decorator.js';
import type { Route } from './route-table.js';
import { STREAMED_BODY, type StreamedBodyRules } from './streamed-body.js';

/**
 * The routes that the application's controllers declare.
 * @throws Error naming the routes that do not declare who may call them (safety.md, A1)
 */
export function collectRoutes(discovery: DiscoveryService, scanner: MetadataScanner): Route[] {
  const undeclared: string[] = [];
  const routes = discovery.getControllers().flatMap(({ metatype }) => {
    if (typeof metatype !== 'function') return [];
    const controller = metatype as Type<object>;
    return scanner.getAllMethodNames(controller.prototype as object).flatMap((name) => {
      const route = routeOf(controller, name);
      if (route === 'undeclared') undeclared.push(`${controller.name}.${name}`);
      return typeof route === 'object' ? [route] : [];
    });
  });
  if (undeclared.length > 0) throw new Error(`routes without @Access: ${undeclared.join(', ')}`);
  return routes;
}

function routeOf(controller: Type<object>, name: string): Route | 'undeclared' | 'no route' {
  const handler = (controller.prototype as Record<string, object>)[name];
  const path = handler && (Reflect.getMetadata(PATH_METADATA, handler) as string | undefined);
  if (handler === undefined || path === undefined) return 'no route';
  const access = Reflect.getMetadata(ACCESS, handler) as Access | undefined;
  if (access === undefined) return 'undeclared';

  const base = Reflect.getMetadata(PATH_METADATA, controller) as string;
  const parameters = Object.keys(
    (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) as object | undefined) ?? {},
  );
  const takes = (kind: RouteParamtypes) => parameters.some((key) => key.startsWith(`${kind}:`));
  const streams = Reflect.getMetadata(STREAMED_BODY, handler) as StreamedBodyRules | undefined;
  return {
    method: RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod],
    pattern: `/${[base, path]
      .flatMap((part) => part.split('/'))
      .filter((part) => part !== '')
      .join('/')}`,
    access: access.level,
    quiet: access.quiet,
    urgent: access.urgent,
    takesBody: takes(RouteParamtypes.BODY),
    ...(streams === undefined ? {} : { streams }),
    takesQuery: takes(RouteParamtypes.QUERY),
    refusals: (Reflect.getMetadata(REFUSALS, handler) as ErrorCode[] | undefined) ?? [],
  };
}
